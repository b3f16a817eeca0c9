import type { BounceReason } from '@rekey/contracts'
import { simpleParser } from 'mailparser'
import { reasonOfStatus } from '../channels/bounce-reason.ts'

/** The content of a delivery status notification that is used. */
export interface Report {
  /** Undefined: the mail did arrive, or is still tried. */
  reason: BounceReason | undefined
  /** Reply code of the mail host, if any, and enhanced status code: `550 5.1.1`. No other text of the notification. */
  codes: string
}

/** Enough for the fields of many recipients. */
const mostCharacters = 65_536

/** The second for mail with SMTPUTF8 (RFC 6533 §4). */
const statusTypes = ['message/delivery-status', 'message/global-delivery-status']
const actions = ['failed', 'delayed', 'delivered', 'relayed', 'expanded']

type Fields = Map<string, string>

/** The groups of fields: of the message, then of each recipient (RFC 3464 §2.1). */
const readGroups = (text: string): Fields[] =>
  text
    .slice(0, mostCharacters)
    .replaceAll(/\r?\n/g, '\n')
    .split(/\n(?:[ \t]*\n)+/)
    .map((group) => {
      const lines = group.replaceAll(/\n[ \t]+/g, ' ').split('\n')
      const fields = lines.map((line) => /^([\w-]+)[ \t]*:(.*)$/.exec(line))
      return new Map(fields.map((field) => [field?.[1]?.toLowerCase() ?? '', field?.[2]?.trim() ?? '']))
    })

const actionOf = (fields: Fields) => /^\w*/.exec(fields.get('action') ?? '')?.[0].toLowerCase() ?? ''

const toReport = (fields: Fields): Report | undefined => {
  const [status] = /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(fields.get('status') ?? '') ?? []
  if (!status) return undefined
  const diagnostic = /^smtp *; *(\d{3})(?:[ -]([245]\.\d{1,3}\.\d{1,3})\b)?/i.exec(fields.get('diagnostic-code') ?? '')
  const [, reply, replied] = diagnostic ?? []
  // Some mail hosts write a status without a detail, and the detailed one in the reply alone.
  const exact = /\.0\.0$/.test(status) && replied ? replied : status
  return {
    reason: actionOf(fields) === 'failed' ? reasonOfStatus(exact) : undefined,
    codes: [reply, exact].filter(Boolean).join(' '),
  }
}

/**
 * Reads a delivery status notification (RFC 3464). Of several recipients, to whom the address forwards, one that failed
 * counts.
 *
 * @returns undefined if the mail is none, or one without the fields that RFC 3464 §2.3 demands
 */
export const readReport = async (mail: Buffer): Promise<Report | undefined> => {
  const { headers, attachments } = await simpleParser(mail, {
    keepDeliveryStatus: true,
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
    skipTextLinks: true,
  })
  const type = headers.get('content-type') as { value?: string; params?: Record<string, string> } | undefined
  const isReport =
    type?.value === 'multipart/report' && type.params?.['report-type']?.toLowerCase() === 'delivery-status'
  const part = attachments.find(({ contentType }) => statusTypes.includes(contentType))
  if (!isReport || !part) return undefined
  const recipients = readGroups(part.content.toString('utf8')).filter((fields) => actions.includes(actionOf(fields)))
  const reports = recipients.map(toReport).filter((report) => report !== undefined)
  return reports.find(({ reason }) => reason !== undefined) ?? reports[0]
}
