import { PermanentError } from '@rekey/platform/consumer'

/** The server or vendor rejected the message for good. `answer`: its words, without personal details. */
export class RefusedError extends PermanentError {
  readonly answer: string

  constructor(message: string, answer: string) {
    super(message)
    this.answer = answer
  }
}

/** An attempt failed, and a later one may succeed. `answer`: of the server or vendor, without personal details. */
export class DeferredError extends Error {
  readonly answer: string

  constructor(message: string, answer: string) {
    super(message)
    this.answer = answer
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
