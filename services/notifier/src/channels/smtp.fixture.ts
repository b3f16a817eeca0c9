import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { SMTPServer } from 'smtp-server'

/** What the listener does after it has received a whole mail. */
type Behaviour = 'accept' | 'lose the answer' | 'stall'

interface Options {
  port?: number
  /** One per mail, in order; the last one is repeated. */
  behaviours?: Behaviour[]
  /** Every recipient is rejected with this code. */
  recipientRefusal?: { responseCode: number }
}

/** A real SMTP listener that fails as configured, and keeps every mail that it received, raw. */
export const startSmtpListener = async (
  t: Teardown,
  { port = 0, behaviours = ['accept'], recipientRefusal }: Options = {},
) => {
  const mails: string[] = []
  const sockets = new Set<Socket>()
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 100,
    onRcptTo: (_address, _session, done) =>
      done(recipientRefusal && Object.assign(new Error('no such mailbox'), recipientRefusal)),
    onData(stream, _session, done) {
      void text(stream).then((raw) => {
        const behaviour = behaviours.length > 1 ? behaviours.shift() : behaviours[0]
        mails.push(raw)
        if (behaviour === 'accept') done()
        if (behaviour === 'lose the answer') for (const socket of sockets) socket.destroy()
      })
    },
  })
  server.on('error', () => {})
  server.server.on('connection', (socket: Socket) => sockets.add(socket))
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
    messageIds: () => mails.map((raw) => /^Message-ID: <(.+)>\r?$/im.exec(raw)?.[1]),
    close,
  }
}
