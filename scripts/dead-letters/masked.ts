import { isIP } from 'node:net'
import type { TSchema } from '@sinclair/typebox'
import { eventOf, type Letter } from './letters.ts'

/** A compact JWE (RFC 7516 §7.1) of the form that the services seal fields in. */
const sealed = /^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/

const maskIp = (ip: string) =>
  ip.includes(':') ? `${ip.split(':').slice(0, 2).join(':')}:…` : `${ip.split('.').slice(0, 2).join('.')}.…`

const maskText = (text: string): string => {
  if (sealed.test(text)) return '(sealed)'
  if (isIP(text) !== 0) return maskIp(text)
  return text
    .replaceAll(/[^\s@:<>]+@[^\s@:<>]+/g, (address) => `${address.slice(0, 1)}…@…`)
    .replaceAll(/\+\d[\d ]{5,}/g, (phone) => `${phone.slice(0, 3)}…`)
}

const mask = (value: unknown, schema: TSchema | undefined): unknown => {
  if (typeof value === 'string') return maskText(value)
  if (Array.isArray(value)) return value.map((item) => mask(item, schema?.items))
  if (value !== null && typeof value === 'object') {
    const properties: Record<string, TSchema> = schema?.properties ?? {}
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        // Of a field that the contract lacks nothing is known.
        name in properties ? mask(item, properties[name]) : '(not in the contract)',
      ]),
    )
  }
  return value
}

/** The data of a dead letter without sealed fields, addresses, and fields that the contract lacks. */
export const maskedData = ({ type, message }: Letter): unknown => {
  const known = eventOf(type)
  if (message.header.has('rekey-data-omitted')) return `(not kept: ${message.header.get('rekey-data-omitted')})`
  if (!known) return `(an unknown event: ${message.data.length} bytes)`
  try {
    return mask(message.json(), known.event.data)
  } catch {
    return `(not JSON: ${message.data.length} bytes)`
  }
}

const shownHeader = /^(ce-|content-type$|traceparent$|rekey-(reason|data-omitted)$)/

/** The headers of a dead letter that are safe to show. */
export const maskedHeaders = ({ message }: Letter): Record<string, string> =>
  Object.fromEntries(
    [...message.header]
      .filter(([name]) => shownHeader.test(name))
      .map(([name, values]) => [name, maskText(values.join(', '))]),
  )
