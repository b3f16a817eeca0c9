import { readMailbox } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import { inSpan } from '@rekey/platform/trace'
import { cleanAnswer, type Private } from './answer.ts'
import { bounceOfReply } from './bounce-reason.ts'
import { DeferredError, kindOfSmtp, RefusedError, type SmtpFailure } from './failures.ts'
import { encodeMail, type Mail, readSender } from './mime.ts'
import { createSmtpConnections } from './smtp-connections.ts'
import { createSmtpUtf8Check } from './smtp-utf8.ts'
import { createTurns } from './turns.ts'

export interface Smtp {
  /**
   * Sends a mail. The Message-ID is derived from `id`, so that a mail that is sent again, because the server's reply was
   * lost, is recognisable as a repeat. `assertInTime` is called when a connection is free.
   *
   * @returns the server's answer, without personal details
   * @throws PermanentError if no server takes the address, this server does not offer SMTPUTF8 and the address needs it, the
   * server rejects the message or its recipient for good (RFC 5321 §4.2.1, 5yz), or `assertInTime` throws it
   * @throws Error if a later attempt may succeed
   */
  send(id: string, to: string, mail: Mail, assertInTime?: () => void): Promise<string>
  /** True if the server offers SMTPUTF8 (RFC 6531). @throws Error if it does not answer */
  offersSmtpUtf8(): Promise<boolean>
  /** Rejects unless the server accepts a connection and the credentials. */
  check(): Promise<unknown>
  /** Gives back mail that waits for a connection; mail under way has 5 s. */
  stop(): void
  close(): void
}

interface Options {
  /** smtp:// or smtps:// */
  url: string
  /** `Name <address@domain>` */
  from: string
  /** Address to which a notification about a message is returned, by its id; undefined: that of the sender. */
  bounceAddressOf?: ((id: string) => string | undefined) | undefined
  /** Requires STARTTLS over smtp://. */
  requireTls: boolean
  /** Name of this client in EHLO (RFC 5321 §4.1.1.1). Undefined: the sender's domain. */
  ehloName: string | undefined
  /** Most connections; further mail waits for one of them. */
  connections: number
  /**
   * Longest time of one mail, counted from the time when a connection is free for it. A server that accepts a mail later
   * gets it again (RFC 5321 §4.5.3.2.6).
   */
  timeoutMs: number
}

/** Keeps only the SMTP command and codes for the log and the dead letter: the driver's errors contain addresses. */
const translate = (failure: SmtpFailure, about: Private): Error => {
  const reason = `mail not sent: ${[failure.command, failure.responseCode, failure.code].filter(Boolean).join(' ')}`
  // A rejected sender or sign-in is a configuration error: the mail is retried until an operator corrects it.
  const isAboutThisMail = failure.command === 'RCPT TO' || failure.command === 'DATA'
  const answer = failure.response ? cleanAnswer(failure.response, about) : `no answer: ${failure.code ?? 'unknown'}`
  return failure.permanent && isAboutThisMail
    ? new RefusedError(reason, answer, bounceOfReply(failure))
    : new DeferredError(reason, answer, kindOfSmtp(failure))
}

/** @throws PermanentError if no mail server takes the address */
const toMailbox = (to: string) => {
  const read = readMailbox(to)
  if ('error' in read) throw new PermanentError(`mail not sent: ${read.error.code}`)
  return read.mailbox
}

/**
 * Demands a notification of a failure alone, with the header alone, of a server that offers DSN (RFC 3461 §4): a
 * notification with the whole mail would have its code.
 */
const dsn = { ret: 'HDRS', notify: 'FAILURE' }

/** Mail over connections that stay open. */
export const createSmtp = ({
  url,
  from,
  bounceAddressOf,
  requireTls,
  ehloName,
  connections,
  timeoutMs,
}: Options): Smtp => {
  const sender = readSender(from)
  // No retry here: the broker retries, also after a restart of this process.
  const server = createSmtpConnections(url, {
    name: ehloName ?? sender.domain,
    requireTLS: requireTls,
    dnsTimeout: 2_000,
    connectionTimeout: 3_000,
    greetingTimeout: 3_000,
    socketTimeout: (timeoutMs * 2) / 3,
  })
  const offersSmtpUtf8 = createSmtpUtf8Check(server.options)
  const turns = createTurns({ connections, timeoutMs })
  const span = { name: 'SMTP send', kind: 'client', attributes: { 'server.address': new URL(url).hostname } } as const

  return {
    async send(id, to, mail, assertInTime) {
      const { address, needsSmtpUtf8 } = toMailbox(to)
      const about = { to, texts: [mail.subject, mail.text] }
      return turns.take(async (signal) => {
        assertInTime?.()
        try {
          if (needsSmtpUtf8 && !(await offersSmtpUtf8()))
            throw new PermanentError('mail not sent: the mail server does not offer SMTPUTF8')
          // RFC 5322 §3.6.4: only characters of a dot-atom are allowed.
          const messageId = `${id.replaceAll(/[^\w.-]/g, '.')}@${sender.domain}`
          const encoded = encodeMail({ from: sender, to: address, messageId, date: new Date() }, mail)
          const bounceAddress = bounceAddressOf?.(id)
          const envelope = { from: bounceAddress ?? sender.address, to: address, ...(bounceAddress && { dsn }) }
          const sent = inSpan(span, () => server.send(envelope, encoded, signal))
          return cleanAnswer(await sent, about)
        } catch (failure) {
          throw failure instanceof PermanentError ? failure : translate(failure as SmtpFailure, about)
        }
      })
    },
    offersSmtpUtf8,
    check: server.check,
    stop: turns.stop,
    close: server.close,
  }
}
