import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '@rekey/local-servers/ports'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startNotifier, startSurroundings } from '../app.fixture.ts'
import { startSmtpListener } from './smtp.fixture.ts'

t.test('mail says that a machine wrote it, so that no absence notice answers', async (t) => {
  const smtp = await startSmtpListener(t)
  const runtime = await startSurroundings(t, { SMTP_URL: smtp.url })
  await startNotifier(t, runtime)
  await runtime.publishCode()
  const raw = await eventually(() => smtp.mails[0])
  t.match(raw, /^Auto-Submitted: auto-generated\r?$/im)
  t.match(raw, /^X-Auto-Response-Suppress: All\r?$/im)
  t.match(raw, /^Content-Type: multipart\/alternative;/im)
})

t.test('mail waits while the mail server is away, and goes out exactly once when it is back', async (t) => {
  const port = await freePort()
  const runtime = await startSurroundings(t, { SMTP_URL: `smtp://127.0.0.1:${port}` })
  const { app, logs } = await startNotifier(t, runtime)
  const { id } = await runtime.publishCode()
  await eventually(() => logs().includes('mail not sent'))
  t.equal((await app.inject('/readyz')).statusCode, 503)
  t.same((await app.inject('/readyz')).json().checks, { nats: 'ok', smtp: 'unavailable' })

  const smtp = await startSmtpListener(t, { port })
  await runtime.waitForEmptyQueue()
  t.same(smtp.messageIds(), [`${id}@rekey.test`])
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('a mail whose answer was lost is sent again with the same Message-ID', async (t) => {
  const smtp = await startSmtpListener(t, { behaviours: ['lose the answer', 'accept'] })
  const runtime = await startSurroundings(t, { SMTP_URL: smtp.url })
  await startNotifier(t, runtime)
  const { id } = await runtime.publishCode()
  await runtime.waitForEmptyQueue()
  t.same(smtp.messageIds(), [`${id}@rekey.test`, `${id}@rekey.test`])
})

t.test('a recipient that the mail server refuses for good becomes a dead letter', async (t) => {
  const smtp = await startSmtpListener(t, { recipientRefusal: { responseCode: 550 } })
  const runtime = await startSurroundings(t, { SMTP_URL: smtp.url })
  const { logs } = await startNotifier(t, runtime)
  await runtime.publishCode()
  t.match(await runtime.waitForDeadLetter(), { reason: 'mail not sent: RCPT TO 550 EENVELOPE' })
  await runtime.waitForEmptyQueue()
  t.notMatch(logs(), 'bpmtestusr1')
})

t.test('a recipient that the mail server defers is tried again', async (t) => {
  const smtp = await startSmtpListener(t, { recipientRefusal: { responseCode: 450 } })
  const runtime = await startSurroundings(t, { SMTP_URL: smtp.url })
  const { logs } = await startNotifier(t, runtime)
  await runtime.publishCode()
  await eventually(() => logs().split('mail not sent: RCPT TO 450').length > 2, { what: 'two attempts' })
  t.same(await runtime.stored('DEAD'), [])
  t.notMatch(logs(), 'bpmtestusr1')
})

t.test('a mail that was sent is not sent again when the broker dies before it hears of it', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  await runtime.publishCode()
  await runtime.waitForEmptyQueue()
  for (const round of [1, 2, 3]) {
    const address = `round${round}@example.com`
    await runtime.publishCode({ to: { to: address } })
    await runtime.inbox.waitForMessage(address)
    await runtime.nats.kill()
    await runtime.nats.restart()
    await runtime.waitForEmptyQueue()
    t.equal((await runtime.inbox.messagesTo(address)).length, 1)
  }
})

t.test('a notifier killed in the middle of a mail: the next one sends it, with the same Message-ID', async (t) => {
  const stalled = await startSmtpListener(t, { behaviours: ['stall'] })
  const runtime = await startSurroundings(t)
  const main = new URL('../main.ts', import.meta.url).pathname
  const env = { ...runtime.variables, SMTP_URL: stalled.url }
  const victim = spawn(process.execPath, [main], { env, stdio: 'ignore' })
  t.teardown(() => victim.kill('SIGKILL'))
  const { id } = await runtime.publishCode()
  await eventually(() => stalled.mails.length === 1, { what: 'the mail to be under way' })
  victim.kill('SIGKILL')
  await once(victim, 'exit')
  t.same(await runtime.inbox.messages(), [])

  await startNotifier(t, runtime)
  const mail = await runtime.inbox.waitForMessage('bpmtestusr1@gmail.com')
  t.equal(mail.MessageID, `${id}@rekey.test`)
  t.same(stalled.messageIds(), [`${id}@rekey.test`])
  await runtime.waitForEmptyQueue()
  t.equal((await runtime.inbox.messages()).length, 1)
})
