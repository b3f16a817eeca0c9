import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { ListenerTls } from '@rekey/platform/tls'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import type { BounceAddresses } from './bounce-address.ts'

/** An answer other than 250: reply code, enhanced status code and text (RFC 5321 §4.2, RFC 3463). */
export class Refusal extends Error {
  readonly responseCode: number

  constructor(responseCode: number, message: string) {
    super(message)
    this.responseCode = responseCode
  }
}

interface Options {
  host: string
  /** 0: any free port. */
  port: number
  addresses: BounceAddresses
  /** Undefined: the receiver has no TLS. Otherwise it demands STARTTLS. */
  tls: ListenerTls | undefined
  /** Takes a mail to the address of a message. @throws Refusal */
  take(messageId: string, mail: Buffer): Promise<string>
  /** Called for each mail that is refused before it was taken. */
  onRefusal(why: 'forged' | 'not_a_report' | 'too_large'): void
}

/** A notification may have the whole mail that bounced, which has a logo. */
const mostBytes = 256 * 1024
/** With the bytes of each, 13 MB at most. Further connections are answered 421, and their mail hosts try again. */
const mostConnections = 50
const idleMs = 30_000

/** Reads to the end: the client takes an answer only after it has sent everything. */
const read = async (stream: SMTPServerDataStream): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) {
    if (stream.sizeExceeded) chunks.length = 0
    else chunks.push(chunk)
  }
  return stream.sizeExceeded ? undefined : Buffer.concat(chunks)
}

const toError = (error: unknown): Error =>
  error instanceof Refusal ? error : new Refusal(451, '4.3.0 The mail cannot be taken now: try again later')

/** Receives mail to the envelope senders of messages by SMTP. */
export const startReceiver = async ({ host, port, addresses, tls, take, onRefusal }: Options) => {
  /** The message that an address names. @throws Refusal if there is none */
  const messageOf = (address: string): string => {
    const messageId = addresses.messageOf(address)
    if (messageId) return messageId
    onRefusal('forged')
    throw new Refusal(550, '5.1.1 No message was sent from this address')
  }

  const receive = async (stream: SMTPServerDataStream, { envelope }: SMTPServerSession): Promise<string> => {
    const mail = await read(stream)
    if (mail) return take(messageOf(envelope.rcptTo[0]?.address ?? ''), mail)
    onRefusal('too_large')
    throw new Refusal(552, `5.3.4 A notification has at most ${mostBytes} bytes`)
  }

  const server = new SMTPServer({
    ...tls?.options(),
    name: addresses.domain,
    banner: 'delivery status notifications',
    size: mostBytes,
    rejectOversized: true,
    disabledCommands: tls ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    // The replies have codes of their own.
    hideENHANCEDSTATUSCODES: true,
    disableReverseLookup: true,
    maxClients: mostConnections,
    socketTimeout: idleMs,
    closeTimeout: 1_000,
    onMailFrom({ address }, { secure }, done) {
      if (tls && !secure) return done(new Refusal(530, '5.7.0 Issue STARTTLS first'))
      if (!address) return done()
      onRefusal('not_a_report')
      return done(new Refusal(550, '5.7.1 Only notifications are taken: they have no sender (RFC 5321 section 4.5.5)'))
    },
    onRcptTo({ address }, { envelope }, done) {
      if (envelope.rcptTo.length > 0) return done(new Refusal(452, '4.5.3 One recipient at a time'))
      try {
        messageOf(address)
        return done()
      } catch (error) {
        return done(toError(error))
      }
    },
    onData(stream, session, done) {
      receive(stream, session).then(
        (answer) => done(null, answer),
        (error: unknown) => done(toError(error)),
      )
    },
  })
  // A client that disconnects early is no error of the receiver.
  server.on('error', () => {})
  tls?.onReload(() => server.updateSecureContext(tls.options()))
  server.listen(port, host)
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
