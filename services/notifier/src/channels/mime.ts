import { domainToASCII } from 'node:url'
import addressparser from 'nodemailer/lib/addressparser'
import {
  buildHeaderValue,
  encodeWord,
  encodeWords,
  foldLines,
  isPlainText,
  quoteString,
} from 'nodemailer/lib/mime-funcs'
import { toQuotedPrintable } from './quoted-printable.ts'

/** An image that the HTML names by its Content-ID. */
export interface Attachment {
  cid: string
  filename: string
  contentType: string
  content: Buffer
}

export interface Mail {
  subject: string
  text: string
  html: string
  attachments?: Attachment[]
}

/** The sender of all mail. */
export interface Sender {
  /** As the field From has it. */
  header: string
  /** As SMTP sends it: the domain in A-labels. */
  address: string
  /** The domain in A-labels. */
  domain: string
}

/** Header fields that differ between mails. */
export interface MailHeader {
  from: Sender
  /** A mailbox: a local part of atoms, and a domain in A-labels. */
  to: string
  /** Without angle brackets. */
  messageId: string
  date: Date
}

/** Contains `=_`, which neither quoted-printable nor base64 does: no part can contain the delimiter (RFC 2045 §6.7). */
const boundaryOf = { alternative: '=_rekey.alternative', related: '=_rekey.related' }

/** Concatenated: `join` would copy the parts of a mail at each level. */
const lines = (...all: string[]) => all.reduce((text, line) => `${text}${line}\r\n`, '')

/** An unstructured field: encoded words for what is not printable ASCII (RFC 2047), in lines of 76 characters. */
const field = (name: string, value: string) => {
  const text = value.replaceAll(/[\r\n]+/g, ' ')
  const encoded = isPlainText(text) ? text : encodeWords(text, 'Q', 52, true)
  return foldLines(`${name}: ${encoded}`, 76)
}

/** A display name, as a phrase (RFC 5322 §3.4, RFC 2047 §5). */
const toPhrase = (name: string) => {
  if (/^[\w ]*$/.test(name)) return name
  return /^[\x20-\x7e]*$/.test(name) ? quoteString(name) : encodeWord(name, 'Q', 52)
}

/** Reads `Name <address@domain>`, or an address. */
export const readSender = (from: string): Sender => {
  const { name = '', address: written = from } = addressparser(from, { flatten: true })[0] ?? {}
  const at = written.lastIndexOf('@')
  const domain = domainToASCII(written.slice(at + 1)) || written.slice(at + 1)
  const address = `${written.slice(0, at)}@${domain}`
  return { header: name ? `${toPhrase(name)} <${address}>` : address, address, domain }
}

const textPart = (type: 'plain' | 'html', content: string) =>
  lines(
    `Content-Type: text/${type}; charset=utf-8`,
    'Content-Transfer-Encoding: quoted-printable',
    '',
    toQuotedPrintable(content),
  )

/** Base64 of images (RFC 2045 §6.8): every mail carries the same logo, which is encoded once. */
const encodedImages = new WeakMap<Buffer, string>()

const toBase64 = (content: Buffer): string => {
  const known = encodedImages.get(content)
  if (known !== undefined) return known
  const encoded = content.toString('base64').replaceAll(/.{76}(?=.)/g, '$&\r\n')
  encodedImages.set(content, encoded)
  return encoded
}

const imagePart = ({ cid, filename, contentType, content }: Attachment): string =>
  lines(
    foldLines(`Content-Type: ${buildHeaderValue({ value: contentType, params: { name: filename } })}`, 76),
    `Content-ID: <${cid}>`,
    foldLines(`Content-Disposition: ${buildHeaderValue({ value: 'inline', params: { filename } })}`, 76),
    'Content-Transfer-Encoding: base64',
    '',
    toBase64(content),
  )

const multipart = (kind: keyof typeof boundaryOf, parts: string[]) => {
  const boundary = boundaryOf[kind]
  const delimited = parts.reduce((text, part) => `${text}--${boundary}\r\n${part}`, '')
  return lines(`Content-Type: multipart/${kind}; boundary="${boundary}"`, '', `${delimited}--${boundary}--`)
}

/**
 * Encodes a mail (RFC 5322, RFC 2045 to 2049): its text, and its HTML with the images. It writes what the composer of
 * nodemailer writes in ten times the time, because that composer takes any content from any stream.
 */
export const encodeMail = ({ from, to, messageId, date }: MailHeader, mail: Mail): Buffer => {
  const { subject, text, html, attachments = [] } = mail
  const htmlPart = textPart('html', html)
  const header = lines(
    `From: ${from.header}`,
    // UTF-8 in a local part is sent only to a server that offers SMTPUTF8 (RFC 6532 §3.2).
    `To: ${to}`,
    field('Subject', subject),
    `Message-ID: <${messageId}>`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    // Prevents out-of-office replies (RFC 3834 §5); Exchange honours the second header.
    'Auto-Submitted: auto-generated',
    'X-Auto-Response-Suppress: All',
    'MIME-Version: 1.0',
  )
  const body = multipart('alternative', [
    textPart('plain', text),
    attachments.length === 0 ? htmlPart : multipart('related', [htmlPart, ...attachments.map(imagePart)]),
  ])
  return Buffer.from(header + body)
}
