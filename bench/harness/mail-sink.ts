import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import type { Mail } from './protocol.ts'

interface Received {
  to: string
  receivedMs: number
  raw: Buffer
}

/** Receives mail for every contestant, at any address; it looks no name up, so that each mail costs a sender the same. */
export const startMailSink = async () => {
  let count = 0
  let keep = false
  let kept: Received[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    authOptional: true,
    allowInsecureAuth: true,
    onAuth: (_auth, _session, callback) => callback(null, { user: 'any' }),
    onData(stream, { envelope }, callback) {
      buffer(stream)
        .then((raw) => {
          count += 1
          if (keep) kept.push({ to: envelope.rcptTo[0]?.address ?? '', receivedMs: performance.now(), raw })
          callback()
        })
        .catch(callback)
    },
  })
  // A client that disconnects early is no error of the sink.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as AddressInfo).port,
    count: () => count,
    keep(wanted: boolean) {
      keep = wanted
    },
    async take(): Promise<Mail[]> {
      const taken = kept
      kept = []
      return Promise.all(
        taken.map(async ({ to, receivedMs, raw }) => ({ to, receivedMs, text: (await simpleParser(raw)).text ?? '' })),
      )
    },
  }
}
