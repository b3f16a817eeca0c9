import { domainToASCII } from 'node:url'
import { readMailbox } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import { createTransport } from 'nodemailer'
import SMTPPool from 'nodemailer/lib/smtp-pool'
import { cleanAnswer, type Private } from './answer.ts'
import { DeferredError, RefusedError } from './failures.ts'
import { createSmtpUtf8Check } from './smtp-utf8.ts'
import { createTurns } from './turns.ts'

export interface Mail {
  subject: string
  text: string
  html: string
}

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

interface SmtpFailure {
  code?: string
  command?: string
  responseCode?: number
  /** The server's reply. */
  response?: string
  permanent?: boolean
}

/** Keeps only the SMTP command and codes for the log and the dead letter: the driver's errors contain addresses. */
const translate = (failure: SmtpFailure, about: Private): Error => {
  const reason = `mail not sent: ${[failure.command, failure.responseCode, failure.code].filter(Boolean).join(' ')}`
  // A rejected sender or sign-in is a configuration error: the mail is retried until an operator corrects it.
  const isAboutThisMail = failure.command === 'RCPT TO' || failure.command === 'DATA'
  const answer = failure.response ? cleanAnswer(failure.response, about) : `no answer: ${failure.code ?? 'unknown'}`
  return failure.permanent && isAboutThisMail ? new RefusedError(reason, answer) : new DeferredError(reason, answer)
}

/** @throws PermanentError if no mail server takes the address */
const toMailbox = (to: string) => {
  const read = readMailbox(to)
  if ('error' in read) throw new PermanentError(`mail not sent: ${read.error.code}`)
  return read.mailbox
}

/** Mail over a pool of connections. */
export const createSmtp = ({ url, from, requireTls, ehloName, connections, timeoutMs }: Options): Smtp => {
  const senderDomain = from.slice(from.lastIndexOf('@') + 1).replace('>', '')
  const domain = domainToASCII(senderDomain) || senderDomain
  const server = {
    url,
    name: ehloName ?? domain,
    requireTLS: requireTls,
    dnsTimeout: 2_000,
    connectionTimeout: 3_000,
    greetingTimeout: 3_000,
    socketTimeout: (timeoutMs * 2) / 3,
  }
  // The broker retries, also after a restart of this process.
  const pool = new SMTPPool({ ...server, maxConnections: connections, maxRequeues: 0 })
  const transport = createTransport(pool)
  const offersSmtpUtf8 = createSmtpUtf8Check(pool.options)
  const turns = createTurns({ connections, timeoutMs })

  const send = async (id: string, to: string, mail: Mail, signal: AbortSignal, about: Private) => {
    try {
      const { response } = await transport.sendMail({
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
        signal,
      })
      return cleanAnswer(response, about)
    } catch (failure) {
      throw translate(failure as SmtpFailure, about)
    }
  }
  return {
    async send(id, to, mail, assertInTime) {
      const { address, needsSmtpUtf8 } = toMailbox(to)
      const about = { to, texts: [mail.subject, mail.text] }
      return turns.take(async (signal) => {
        assertInTime?.()
        if (needsSmtpUtf8 && !(await offersSmtpUtf8().catch((failure) => Promise.reject(translate(failure, about)))))
          throw new PermanentError('mail not sent: the mail server does not offer SMTPUTF8')
        return send(id, address, mail, signal, about)
      })
    },
    offersSmtpUtf8,
    check: () => transport.verify(),
    stop: turns.stop,
    close: () => transport.close(),
  }
}
