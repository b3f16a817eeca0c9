import { PermanentError } from '@rekey/platform/consumer'
import { createTransport } from 'nodemailer'

export interface Mail {
  subject: string
  text: string
  html: string
}

export interface Smtp {
  /**
   * Sends within 7.5 s. The Message-ID is derived from `id`, so that a mail that is sent again, because the server's reply
   * was lost, is recognisable as a repeat.
   *
   * @throws PermanentError if the server rejects this message or its recipient for good (RFC 5321 §4.2.1, 5yz)
   * @throws Error if a later attempt may succeed
   */
  send(id: string, to: string, mail: Mail): Promise<void>
  /** Rejects unless the server accepts a connection and the credentials. */
  check(): Promise<unknown>
  close(): void
}

interface Options {
  /** smtp:// or smtps:// */
  url: string
  /** `Name <address@domain>` */
  from: string
  /** Requires STARTTLS over smtp://. */
  requireTls: boolean
}

/** Shorter than the broker's `ack_wait`, after which another instance gets the event. */
const sendTimeoutMs = 7_500

interface SmtpFailure {
  code?: string
  command?: string
  responseCode?: number
  permanent?: boolean
}

/** Keeps only the SMTP command and codes for the log and the dead letter: the driver's errors contain addresses. */
const translate = (failure: SmtpFailure): Error => {
  const reason = `mail not sent: ${[failure.command, failure.responseCode, failure.code].filter(Boolean).join(' ')}`
  // A rejected sender or sign-in is a configuration error: the mail is retried until an operator corrects it.
  const isAboutThisMail = failure.command === 'RCPT TO' || failure.command === 'DATA'
  return failure.permanent && isAboutThisMail ? new PermanentError(reason) : new Error(reason)
}

/** Mail over a pool of connections. */
export const createSmtp = ({ url, from, requireTls }: Options): Smtp => {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 8,
    // The broker retries, also after a restart of this process.
    maxRequeues: 0,
    requireTLS: requireTls,
    dnsTimeout: 2_000,
    connectionTimeout: 3_000,
    greetingTimeout: 3_000,
    socketTimeout: 5_000,
  })
  const domain = from.slice(from.lastIndexOf('@') + 1).replace('>', '')
  return {
    async send(id, to, mail) {
      try {
        await transport.sendMail({
          ...mail,
          from,
          to: { name: '', address: to },
          // RFC 5322 §3.6.4: only characters of a dot-atom are allowed.
          messageId: `<${id.replaceAll(/[^\w.-]/g, '.')}@${domain}>`,
          headers: {
            // Prevents out-of-office replies (RFC 3834 §5); Exchange honours the second header.
            'Auto-Submitted': 'auto-generated',
            'X-Auto-Response-Suppress': 'All',
          },
          signal: AbortSignal.timeout(sendTimeoutMs),
        })
      } catch (failure) {
        throw translate(failure as SmtpFailure)
      }
    },
    check: () => transport.verify(),
    close: () => transport.close(),
  }
}
