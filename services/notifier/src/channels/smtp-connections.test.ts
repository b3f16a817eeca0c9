import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { eventually } from '@rekey/test-support/eventually'
import { SMTPServer } from 'smtp-server'
import t, { type Test } from 'tap'
import { startSmtpListener } from './smtp.fixture.ts'
import { createSmtpConnections } from './smtp-connections.ts'

const envelope = { from: 'no-reply@rekey.test', to: 'anna@example.com' }
const mail = (text: string) => Buffer.from(`Subject: a test\r\n\r\n${text}`)
const noEnd = new AbortController().signal

const connect = (t: Test, url: string) => {
  const connections = createSmtpConnections(url, { name: 'rekey.test', socketTimeout: 5_000 })
  t.teardown(() => connections.close())
  return connections
}

t.test('one connection carries mail after mail, as many as it may; the next mail opens another', async (t) => {
  const smtp = await startSmtpListener(t)
  const { send } = connect(t, smtp.url)
  const sendMany = async (count: number) => {
    for (let sent = 0; sent < count; sent += 1) t.match(await send(envelope, mail('Hello'), noEnd), /^250 /)
  }
  await sendMany(100)
  t.equal(smtp.opened(), 1)
  await sendMany(1)
  t.equal(smtp.opened(), 2)
  await eventually(() => smtp.connections() === 1, { what: 'the first connection to end' })
  t.equal(smtp.mails.length, 101)
})

t.test('mails that are sent at the same time have a connection each', async (t) => {
  const smtp = await startSmtpListener(t, { takesMs: 50 })
  const { send } = connect(t, smtp.url)
  for (let round = 0; round < 2; round += 1) {
    await Promise.all(Array.from({ length: 3 }, () => send(envelope, mail('Hello'), noEnd)))
  }
  t.equal(smtp.opened(), 3)
})

t.test('a mail arrives as it is, with dots at the start of lines', async (t) => {
  const smtp = await startSmtpListener(t)
  const { send } = connect(t, smtp.url)
  const content = mail('.\r\n..\r\n.a\r\n\r\nthe end.')
  await send(envelope, content, noEnd)
  t.equal(smtp.mails[0]?.trimEnd(), String(content))
})

t.test('a connection whose mail was refused carries the next mail', async (t) => {
  const smtp = await startSmtpListener(t, { recipientRefusal: { responseCode: 550, first: 1 } })
  const { send } = connect(t, smtp.url)
  await t.rejects(send(envelope, mail('Hello'), noEnd), {
    code: 'EENVELOPE',
    command: 'RCPT TO',
    responseCode: 550,
    permanent: true,
  })
  t.match(await send(envelope, mail('Hello'), noEnd), /^250 /)
  t.equal(smtp.opened(), 1)
  t.equal(smtp.mails.length, 1, 'the refused mail was not sent')
})

t.test('a server that closes its connections, idle or not, gets the next mail over another one', async (t) => {
  const smtp = await startSmtpListener(t, { behaviours: ['lose the answer', 'accept'] })
  const { send } = connect(t, smtp.url)
  await t.rejects(send(envelope, mail('Hello'), noEnd), { code: /^E(CONNECTION|SOCKET)$/ })
  t.match(await send(envelope, mail('Hello'), noEnd), /^250 /)
  t.equal(smtp.opened(), 2)
})

t.test('an abort ends the connection of its mail alone', async (t) => {
  const smtp = await startSmtpListener(t, { behaviours: (raw) => (raw.includes('slow') ? 'stall' : 'accept') })
  const { send } = connect(t, smtp.url)
  const abort = new AbortController()
  const slow = send(envelope, mail('slow'), abort.signal)
  t.match(await send(envelope, mail('fast'), noEnd), /^250 /)
  await eventually(() => smtp.mails.length === 2)
  abort.abort()
  await t.rejects(slow, { code: 'EABORT' })
  await eventually(() => smtp.connections() === 1, { what: 'its connection to end' })
  await t.rejects(send(envelope, mail('late'), AbortSignal.abort()), { code: 'EABORT' })
})

t.test('check fails while no server answers', async (t) => {
  const smtp = await startSmtpListener(t)
  const { check } = connect(t, smtp.url)
  await check()
  await eventually(() => smtp.connections() === 0, { what: 'its connection to end' })
  await smtp.close()
  await t.rejects(check(), { code: 'ESOCKET' })
})

t.test('each connection signs in with the user and password of the URL', async (t) => {
  const seen: string[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    closeTimeout: 100,
    onAuth({ username = '', password }, _session, done) {
      seen.push(`${username} ${password}`)
      if (password === 'p@ss word') done(null, { user: username })
      else done(new Error('wrong password'))
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.teardown(() => new Promise<void>((resolve) => server.close(resolve)))
  const { port } = server.server.address() as AddressInfo
  const { send } = connect(t, `smtp://rekey:p%40ss%20word@127.0.0.1:${port}`)
  t.match(await send(envelope, mail('Hello'), noEnd), /^250 /)
  t.match(await send(envelope, mail('Hello'), noEnd), /^250 /)
  t.same(seen, ['rekey p@ss word'])
  const wrong = connect(t, `smtp://rekey:wrong@127.0.0.1:${port}`)
  await t.rejects(wrong.send(envelope, mail('Hello'), noEnd), { code: 'EAUTH', responseCode: 535 })
})
