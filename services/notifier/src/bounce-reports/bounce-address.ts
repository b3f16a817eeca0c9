import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Now } from '@rekey/platform/clock'
import { deriveKeys, type Keys } from '@rekey/platform/keys'

interface Options {
  /** Keys from which those of the addresses are derived. */
  keys: Keys
  /** The domain of the addresses, whose mail reaches this notifier. */
  domain: string
  now: Now
}

/**
 * Envelope senders that each name one message, so that a notification that comes back says which one bounced. They have the
 * id of the message, which is random, its day and a MAC: no personal data, and none that a stranger can make.
 */
export interface BounceAddresses {
  domain: string
  /** The envelope sender of a message. @returns undefined if the id has another form than that of an event */
  addressOf(eventId: string): string | undefined
  /** The id of the message that an address names. @returns undefined if it is forged, or older than 14 days */
  messageOf(address: string): string | undefined
}

const dayMs = 86_400_000
/** Mail hosts give a mail up after four to five days (RFC 5321 §4.5.4.1). */
const mostDays = 14

/** Bytes: the UUID of the id, the number of the code (0: none), the day, and the MAC of these. */
const [uuidBytes, headBytes, macBytes] = [16, 20, 8]

const idPattern = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.(\d{1,4}))?$/
/** Hexadecimal: a mail host may change the case of letters. 63 bytes, of 64 that a local part may have. */
const localPattern = /^bounce\+([0-9a-f]{56})$/i

const macOf = (key: KeyObject, head: Buffer) => createHmac('sha256', key).update(head).digest().subarray(0, macBytes)

const idOf = (head: Buffer): string => {
  const uuid = head.toString('hex', 0, uuidBytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const number = head.readUInt16BE(uuidBytes)
  return number === 0 ? uuid : `${uuid}.${number}`
}

export const createBounceAddresses = ({ keys, domain, now }: Options): BounceAddresses => {
  const { current, all } = deriveKeys(keys, 'bounce addresses')
  const today = () => Math.floor(now().getTime() / dayMs)
  return {
    domain,
    addressOf(eventId) {
      const [, uuid, number = '0'] = idPattern.exec(eventId) ?? []
      if (!uuid) return undefined
      const head = Buffer.alloc(headBytes)
      head.write(uuid.replaceAll('-', ''), 'hex')
      head.writeUInt16BE(Number(number), uuidBytes)
      head.writeUInt16BE(today(), uuidBytes + 2)
      return `bounce+${Buffer.concat([head, macOf(current.key, head)]).toString('hex')}@${domain}`
    },
    messageOf(address) {
      const at = address.lastIndexOf('@')
      const [, token] = localPattern.exec(address.slice(0, at)) ?? []
      if (!token || address.slice(at + 1).toLowerCase() !== domain.toLowerCase()) return undefined
      const bytes = Buffer.from(token, 'hex')
      const [head, mac] = [bytes.subarray(0, headBytes), bytes.subarray(headBytes)]
      if (!all.some(({ key }) => timingSafeEqual(macOf(key, head), mac))) return undefined
      const age = today() - head.readUInt16BE(uuidBytes + 2)
      // Clocks of instances may differ around midnight.
      return age >= -1 && age <= mostDays ? idOf(head) : undefined
    },
  }
}
