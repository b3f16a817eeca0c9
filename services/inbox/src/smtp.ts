import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import type { Address, MessageStore } from './message-store.ts'

const maxMailBytes = 1024 * 1024

const addresses = (header: AddressObject | AddressObject[] | undefined): Address[] =>
  [header ?? []]
    .flat()
    .flatMap(({ value }) => value.map(({ name, address }) => ({ Name: name, Address: address ?? '' })))

const fromEnvelope = (address: string): Address => ({ Name: '', Address: address })

const receive = async (stream: SMTPServerDataStream): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    // Read to the end: the client accepts the error only after it has sent everything.
    if (size <= maxMailBytes) chunks.push(chunk)
  }
  if (size > maxMailBytes || stream.sizeExceeded) {
    throw Object.assign(new Error(`Message exceeds ${maxMailBytes} bytes`), { responseCode: 552 })
  }
  return Buffer.concat(chunks)
}

const toMessage = (mail: ParsedMail, { envelope }: SMTPServerSession, size: number) => {
  const to = addresses(mail.to)
  const sender = envelope.mailFrom ? fromEnvelope(envelope.mailFrom.address) : fromEnvelope('')
  return {
    MessageID: (mail.messageId ?? '').replace(/^<|>$/g, ''),
    From: addresses(mail.from)[0] ?? sender,
    To: to.length ? to : envelope.rcptTo.map(({ address }) => fromEnvelope(address)),
    Subject: mail.subject ?? '',
    Size: size,
    Text: mail.text ?? '',
    HTML: mail.html || '',
  }
}

/** Receives mail without TLS and authentication, and keeps it. Sandbox only. */
export const startSmtp = async ({ host, port, messages }: { host: string; port: number; messages: MessageStore }) => {
  const server = new SMTPServer({
    name: 'rekey-inbox',
    banner: 'Rekey sandbox inbox',
    size: maxMailBytes,
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 1_000,
    onData(stream, session, callback) {
      receive(stream)
        .then(async (raw) => {
          // Keeps links as they were sent: the page shows the HTML itself.
          const mail = await simpleParser(raw, { skipImageLinks: true, skipTextLinks: true })
          messages.add(toMessage(mail, session, raw.length))
          callback()
        })
        .catch(callback)
    },
  })
  // A client that disconnects early is no error of the inbox.
  server.on('error', () => {})
  server.listen(port, host)
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
