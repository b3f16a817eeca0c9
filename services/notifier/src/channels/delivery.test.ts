import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '@rekey/local-servers/ports'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startNotifier, startServers } from '../app.fixture.ts'
import { startSmtpListener } from './smtp.fixture.ts'

t.test('mail has the headers that prevent out-of-office replies', async (t) => {
  const smtp = await startSmtpListener(t)
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  await startNotifier(t, servers)
  await servers.publishCode()
  const raw = await eventually(() => smtp.mails[0])
  t.match(raw, /^Auto-Submitted: auto-generated\r?$/im)
  t.match(raw, /^X-Auto-Response-Suppress: All\r?$/im)
  t.match(raw, /^Content-Type: multipart\/alternative;/im)
})

t.test('mail waits while the mail server is unavailable, and goes out exactly once when it is back', async (t) => {
  const port = await freePort()
  const servers = await startServers(t, { SMTP_URL: `smtp://127.0.0.1:${port}` })
  const { app, logs } = await startNotifier(t, servers)
  const { id } = await servers.publishCode()
  await eventually(() => logs().includes('mail not sent'))
  t.equal((await app.inject('/readyz')).statusCode, 503, 'not before the mail server was reached once')
  t.same((await app.inject('/readyz')).json().checks, { nats: 'ok', smtp: 'unavailable' })

  const smtp = await startSmtpListener(t, { port })
  await servers.waitForEmptyQueue()
  t.same(smtp.messageIds(), [`${id}@rekey.test`])
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('a mail whose SMTP reply was lost is sent again with the same Message-ID', async (t) => {
  const smtp = await startSmtpListener(t, { behaviours: ['lose the answer', 'accept'] })
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  await startNotifier(t, servers)
  const { id } = await servers.publishCode()
  await servers.waitForEmptyQueue()
  t.same(smtp.messageIds(), [`${id}@rekey.test`, `${id}@rekey.test`])
})

t.test('a recipient that the mail server rejects for good becomes a dead letter', async (t) => {
  const smtp = await startSmtpListener(t, { recipientRefusal: { responseCode: 550 } })
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  const { logs } = await startNotifier(t, servers)
  await servers.publishCode()
  t.match(await servers.waitForDeadLetter(), { reason: 'mail not sent: RCPT TO 550 EENVELOPE' })
  await servers.waitForEmptyQueue()
  t.notMatch(logs(), 'bpmtestusr1')
})

t.test('a recipient that the mail server defers is retried', async (t) => {
  const smtp = await startSmtpListener(t, { recipientRefusal: { responseCode: 450 } })
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  const { logs } = await startNotifier(t, servers)
  await servers.publishCode()
  await eventually(() => logs().split('mail not sent: RCPT TO 450').length > 2, { what: 'two attempts' })
  t.same(await servers.stored('DEAD'), [])
  t.notMatch(logs(), 'bpmtestusr1')
})

t.test('a mail is not sent again if the broker dies before the acknowledgement, and has an outcome', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await servers.publishCode()
  await servers.waitForEmptyQueue()
  for (const round of [1, 2, 3]) {
    const address = `round${round}@example.com`
    const { id } = await servers.publishCode({ customerId: 7, to: { to: address } })
    // A message that was on its way to a closed pull request is redelivered after its `ack_wait` of 10 s.
    await servers.inbox.waitForMessage(address)
    await servers.nats.kill()
    await servers.nats.restart()
    await servers.waitForEmptyQueue()
    t.equal((await servers.inbox.messagesTo(address)).length, 1)
    const outcomes = await servers.outcomes()
    t.ok(outcomes.some(({ messageId, status }) => messageId === id && status === 'handed_over'))
  }
})

t.test(
  'a mail is sent with the same Message-ID by another instance if the first was killed while sending',
  async (t) => {
    const stalled = await startSmtpListener(t, { behaviours: ['stall'] })
    const servers = await startServers(t)
    const main = new URL('../main.ts', import.meta.url).pathname
    const env = { ...servers.variables, SMTP_URL: stalled.url }
    const victim = spawn(process.execPath, [main], { env, stdio: 'ignore' })
    t.teardown(() => victim.kill('SIGKILL'))
    const { id } = await servers.publishCode()
    await eventually(() => stalled.mails.length === 1, { what: 'the mail to be under way' })
    victim.kill('SIGKILL')
    await once(victim, 'exit')
    t.same(await servers.inbox.messages(), [])

    await startNotifier(t, servers)
    const mail = await servers.inbox.waitForMessage('bpmtestusr1@gmail.com')
    t.equal(mail.MessageID, `${id}@rekey.test`)
    t.same(stalled.messageIds(), [`${id}@rekey.test`])
    await servers.waitForEmptyQueue()
    t.equal((await servers.inbox.messages()).length, 1)
  },
)
