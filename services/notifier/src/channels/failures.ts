import type { BounceReason } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'

/**
 * Why the mail server or SMS vendor took no message. refused: it answered so; connection: none was made, or it ended;
 * authentication: the credentials were refused.
 */
export const failureKinds = ['timeout', 'refused', 'connection', 'authentication', 'other'] as const
export type FailureKind = (typeof failureKinds)[number]

/**
 * The server or vendor rejected the message for good. `answer`: its words, without personal details. `bounce`: why the
 * address cannot receive, if the answer says so.
 */
export class RefusedError extends PermanentError {
  readonly answer: string
  readonly bounce: BounceReason | undefined
  readonly kind = 'refused'

  constructor(message: string, answer: string, bounce?: BounceReason) {
    super(message)
    this.answer = answer
    this.bounce = bounce
  }
}

/** An attempt failed, and a later one may succeed. `answer`: of the server or vendor, without personal details. */
export class DeferredError extends Error {
  readonly answer: string
  readonly kind: FailureKind

  constructor(message: string, answer: string, kind: FailureKind) {
    super(message)
    this.answer = answer
    this.kind = kind
  }
}

/** Why the mail server did not take a mail, or was not reached. The message and the reply contain addresses. */
export interface SmtpFailure extends Error {
  /** Of the library: EENVELOPE, EMESSAGE, ECONNECTION, … */
  code?: string
  /** The SMTP command. */
  command?: string
  responseCode?: number
  /** The server's reply. */
  response?: string
  /** True for 5yz (RFC 5321 §4.2.1). */
  permanent?: boolean
}

/** Codes of the library and of Node for a server that was not reached. */
const connectionCodes = ['ECONNECTION', 'ESOCKET', 'EDNS', 'ETLS', 'EREQUIRETLS', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']

export const kindOfSmtp = ({ code = '', responseCode }: SmtpFailure): FailureKind => {
  if (code === 'EAUTH') return 'authentication'
  if (code === 'ETIMEDOUT' || code === 'EABORT') return 'timeout'
  if (responseCode !== undefined) return 'refused'
  return connectionCodes.includes(code) ? 'connection' : 'other'
}

/** `fetch` fails with a TypeError if there is no connection. */
export const kindOfRequest = ({ name }: Error): FailureKind => {
  if (name === 'TimeoutError' || name === 'AbortError') return 'timeout'
  return name === 'TypeError' ? 'connection' : 'other'
}

export const kindOfStatus = (status: number): FailureKind =>
  status === 401 || status === 403 ? 'authentication' : 'refused'
