import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { SMTPServer } from 'smtp-server'

/** What the listener does after it has received a whole mail. */
type Behaviour = 'accept' | 'lose the answer' | 'stall'

interface Options {
  port?: number
  /** One per mail, in order; the last one is repeated. Or the behaviour for each mail. */
  behaviours?: Behaviour[] | ((raw: string) => Behaviour)
  /** Time that the listener takes for each mail. */
  takesMs?: number
  /** True: the answer to EHLO does not offer SMTPUTF8, and an address that is not ASCII is refused. */
  hidesSmtpUtf8?: boolean
  /** Every recipient, or the first ones in number, are rejected with this code and message. */
  recipientRefusal?: { responseCode: number; message?: string; first?: number }
}

/** A real SMTP listener that fails as configured, and keeps every mail that it received, raw. */
export const startSmtpListener = async (
  t: Teardown,
  { port = 0, behaviours = ['accept'], takesMs = 0, hidesSmtpUtf8 = false, recipientRefusal }: Options = {},
) => {
  const mails: string[] = []
  const senders: { address: string; returns: string | null | undefined }[] = []
  const recipients: string[] = []
  const greetings: string[] = []
  const behaviourOf = (raw: string) => {
    if (typeof behaviours === 'function') return behaviours(raw)
    return behaviours.length > 1 ? behaviours.shift() : behaviours[0]
  }
  const sockets = new Set<Socket>()
  let opened = 0
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 100,
    hideSMTPUTF8: hidesSmtpUtf8,
    hideDSN: false,
    onMailFrom(_address, session, done) {
      greetings.push(session.hostNameAppearsAs)
      done()
    },
    onRcptTo({ address }, _session, done) {
      recipients.push(address)
      const isRefused = recipientRefusal && recipients.length <= (recipientRefusal.first ?? Number.POSITIVE_INFINITY)
      done(isRefused ? Object.assign(new Error('no such mailbox'), recipientRefusal) : undefined)
    },
    onData(stream, { envelope }, done) {
      senders.push({ address: envelope.mailFrom ? envelope.mailFrom.address : '', returns: envelope.dsn?.ret })
      void text(stream).then(async (raw) => {
        const behaviour = behaviourOf(raw)
        mails.push(raw)
        if (takesMs > 0) await delay(takesMs)
        if (behaviour === 'accept') done()
        if (behaviour === 'lose the answer') for (const socket of sockets) socket.destroy()
      })
    },
  })
  server.on('error', () => {})
  server.server.on('connection', (socket: Socket) => {
    opened += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resolve())
    })
  t.teardown(close)
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails: mails as readonly string[],
    /** Envelope senders, and the parameter RET (RFC 3461 §4.3), of the mails. */
    senders: senders as readonly (typeof senders)[number][],
    /** Recipients of `RCPT TO`, refused ones too. */
    recipients: recipients as readonly string[],
    /** Client name of each mail's connection. */
    greetings: greetings as readonly string[],
    connections: () => sockets.size,
    /** Number of connections so far. */
    opened: () => opened,
    messageIds: () => mails.map((raw) => /^Message-ID: <(.+)>\r?$/im.exec(raw)?.[1]),
    close,
  }
}
