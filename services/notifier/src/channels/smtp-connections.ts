import { batchWrites } from '@rekey/platform/batched-writes'
import { parseConnectionUrl } from 'nodemailer/lib/shared'
import SMTPConnection, { type DSNOptions, type Options } from 'nodemailer/lib/smtp-connection'
import type { SmtpFailure } from './failures.ts'

/** Sender and recipient, as SMTP sends them. */
export interface Envelope {
  from: string
  to: string
  /** Sent if the server offers DSN (RFC 3461). */
  dsn?: DSNOptions
}

/** A connection, and the number of mails that it has carried. */
interface Carrier {
  connection: SMTPConnection
  mails: number
}

/** Mails over one connection: a server may refuse more. */
const mostMails = 100

/** The library's own time-outs are shorter. */
const checkMs = 10_000

const failureOf = (code: string, message: string): SmtpFailure => Object.assign(new Error(message), { code })

/**
 * Runs one step over a connection. An abort ends the connection: the server may be in the middle of a mail.
 *
 * @throws SmtpFailure EABORT if the signal aborts; of the library otherwise
 */
const run = <T>(
  connection: SMTPConnection,
  signal: AbortSignal,
  start: (done: (failure?: Error | null, result?: T) => void) => void,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const done = (failure?: Error | null, result?: T) => {
      signal.removeEventListener('abort', abort)
      connection.off('error', done).off('end', ended)
      if (failure) reject(failure)
      else resolve(result as T)
    }
    const abort = () => {
      done(failureOf('EABORT', 'aborted'))
      connection.close()
    }
    // The library calls back after this event, with the server's reply.
    const ended = () => setImmediate(done, failureOf('ECONNECTION', 'the connection ended'))
    signal.addEventListener('abort', abort)
    connection.on('error', done).on('end', ended)
    if (signal.aborted) abort()
    else start(done)
  })

/** True if the server refused one mail, and takes others over the same connection. */
const isOfThisMail = ({ code, responseCode }: SmtpFailure) =>
  (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== undefined && responseCode !== 421

/**
 * Connections to a mail server, which stay open between mails. Each carries one mail at a time, so there are as
 * many as mails are sent at a time.
 */
export const createSmtpConnections = (url: string, settings: Options) => {
  const options: Options = { ...settings, ...parseConnectionUrl(url) }
  const { auth } = options as { auth?: { user: string; pass: string } }
  const all = new Set<SMTPConnection>()
  /** The one that was used last is used next: the server ends those that are idle for long. */
  const idle: Carrier[] = []

  const connect = async (signal: AbortSignal): Promise<Carrier> => {
    const connection = new SMTPConnection(options)
    const carrier = { connection, mails: 0 }
    all.add(connection)
    connection.once('end', () => {
      all.delete(connection)
      const at = idle.indexOf(carrier)
      if (at >= 0) idle.splice(at, 1)
    })
    // The end of an idle connection is no failure; an event without a listener would end the process.
    connection.on('error', () => {})
    try {
      await run(connection, signal, (done) =>
        connection.connect((failure) => {
          if (failure || !auth || !connection.allowsAuth) return done(failure)
          connection.login({ ...auth, credentials: auth }, done)
        }),
      )
      // The library writes a mail and its final dot apart: two system calls, and two packets.
      if (connection._socket) batchWrites(connection._socket)
      return carrier
    } catch (failure) {
      connection.close()
      throw failure
    }
  }

  /** Ends the transaction of a refused mail (RFC 5321 §4.1.1.5). */
  const reset = async (carrier: Carrier, signal: AbortSignal) => {
    const { connection } = carrier
    try {
      await run(connection, signal, (done) => connection.reset(done))
      idle.push(carrier)
    } catch {
      connection.close()
    }
  }

  return {
    options,

    /**
     * Sends a mail over an open connection, or over a new one.
     *
     * @returns the server's reply to the mail
     * @throws SmtpFailure
     */
    async send(envelope: Envelope, mail: Buffer, signal: AbortSignal): Promise<string> {
      const carrier = idle.pop() ?? (await connect(signal))
      const { connection } = carrier
      try {
        const { response } = await run<{ response: string }>(connection, signal, (done) =>
          connection.send({ ...envelope }, mail, done),
        )
        carrier.mails += 1
        if (carrier.mails < mostMails) idle.push(carrier)
        else connection.quit()
        return response
      } catch (failure) {
        if (isOfThisMail(failure as SmtpFailure) && !connection.destroyed) await reset(carrier, signal)
        else connection.close()
        throw failure
      }
    },

    /** Connects, signs in and ends the connection. @throws SmtpFailure */
    async check(): Promise<void> {
      const { connection } = await connect(AbortSignal.timeout(checkMs))
      connection.quit()
    },

    /** Ends all connections. */
    close() {
      for (const connection of all) connection.close()
    },
  }
}
