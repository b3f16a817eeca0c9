import { PermanentError } from '@rekey/platform/consumer'
import { createTransport } from 'nodemailer'

export interface Mail {
  subject: string
  text: string
  html: string
}

export interface Smtp {
  /**
   * Sends within 7.5 s. The Message-ID is derived from `id`, so that a mail sent again, because the server's answer was
   * lost, is recognisable as the same.
   *
   * @throws PermanentError where the server refuses this message or its recipient for good (RFC 5321 §4.2.1, 5yz)
   * @throws Error where a later attempt may succeed
   */
  send(id: string, to: string, mail: Mail): Promise<void>
  /** Rejects unless the server takes a connection and the sign-in. */
  check(): Promise<unknown>
  close(): void
}

interface Options {
  /** smtp:// or smtps:// */
  url: string
  /** `Name <address@domain>` */
  from: string
  /** Over smtp:// too: nothing is sent before STARTTLS. */
  requireTls: boolean
}

/** Less than the broker waits before it hands a message to somebody else. */
const sendTimeoutMs = 7_500

interface SmtpFailure {
  code?: string
  command?: string
  responseCode?: number
  permanent?: boolean
}

/** The driver's errors repeat addresses: only the step and the codes go on, to the log and the dead letter. */
const translate = (failure: SmtpFailure): Error => {
  const reason = `mail not sent: ${[failure.command, failure.responseCode, failure.code].filter(Boolean).join(' ')}`
  // A refusal of the sender or of the sign-in is a fault of ours, which an operator mends: that mail is not lost.
  const aboutThisMail = failure.command === 'RCPT TO' || failure.command === 'DATA'
  return failure.permanent && aboutThisMail ? new PermanentError(reason) : new Error(reason)
}

/** Mail over a few connections that are kept open. */
export const createSmtp = ({ url, from, requireTls }: Options): Smtp => {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 8,
    // Trying again is the broker's business, which also outlives this process.
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
          // RFC 5322 §3.6.4: what no dot-atom has must not stand there.
          messageId: `<${id.replaceAll(/[^\w.-]/g, '.')}@${domain}>`,
          headers: {
            // RFC 3834 §5; the second is what Exchange heeds. Nobody's absence notice should answer.
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
