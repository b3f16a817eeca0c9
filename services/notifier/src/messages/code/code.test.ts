import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startNotifier, startServers } from '../../app.fixture.ts'

const linesOf = (text: string) => text.split(/\r?\n/)

t.test('a code arrives by mail, with each of the two codes on a line of its own', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  const { id } = await servers.publishCode({ code: '012345', verificationCode: '7024' })
  const mail = await servers.inbox.waitForMessage('bpmtestusr1@gmail.com')

  t.ok(linesOf(mail.Text).includes('Confirmation code: 012345'))
  t.ok(linesOf(mail.Text).includes('Verification code: 7024'))
  t.match(mail.Text, 'Do not give the confirmation code to anybody, not even to Rekey.')
  t.match(mail.Text, /It is valid for 10 minutes, until \d\d:\d\d \(Eastern European (Standard|Summer) Time\)/)
  t.equal(mail.Subject, 'Rekey: your code to set a new password')
  t.equal(mail.MessageID, `${id}@rekey.test`)
  t.equal(mail.From.Address, 'no-reply@rekey.test')
  t.match(mail.HTML, '>012345</strong>')
  t.match(mail.HTML, 'Verification code: <strong><bdi>7024</bdi></strong>')
  t.notMatch(mail.HTML, /https?:|<img|<link|<script|url\(/, 'no external resources')
})

t.test('the wording follows the purpose', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  const subjects = {
    restore: 'Rekey: your code to set a new password',
    change: 'Rekey: your code to change your password',
    login: 'Rekey: your code to sign in',
  }
  for (const [purpose, subject] of Object.entries(subjects)) {
    const address = `${purpose}@example.com`
    await servers.publishCode({ purpose: purpose as keyof typeof subjects, to: { to: address } })
    const mail = await servers.inbox.waitForMessage(address)
    t.equal(mail.Subject, subject)
    t.match(mail.Text, /If it was not you, /)
  }
})

t.test('a code arrives by SMS with the same two lines', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  const { id } = await servers.publishCode({ to: { channel: 'sms', to: '+447700900001' } })
  const sms = await servers.inbox.waitForMessage('+447700900001')
  t.ok(linesOf(sms.Text).includes('Confirmation code: 012345'))
  t.ok(linesOf(sms.Text).includes('Verification code: 7024'))
  t.equal(sms.MessageID, id)
  t.equal(sms.Text.split('\n').at(-1), '@bank.example #012345', 'the origin-bound line')
})

t.test('an SMS without a configured vendor becomes a dead letter', async (t) => {
  const servers = await startServers(t, { REKEY_SMS_URL: '' })
  await startNotifier(t, servers)
  await servers.publishCode({ to: { channel: 'sms', to: '+447700900001' } })
  t.match(await servers.waitForDeadLetter(), { reason: 'no SMS vendor is configured' })
})

t.test('an SMS that cannot reach the vendor is retried', async (t) => {
  const servers = await startServers(t, { REKEY_SMS_URL: 'http://127.0.0.1:9/sms' })
  const { app, logs } = await startNotifier(t, servers)
  await servers.publishCode({ to: { channel: 'sms', to: '+447700900001' } })
  await eventually(() => logs().includes('SMS not sent'))
  await app.close()
  t.equal((await servers.stored('NOTIFY')).length, 1)
})

t.test('a code that expired before it could be sent becomes a dead letter and is not mailed', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await servers.publishCode({ expiresAt: new Date(Date.now() - 1_000).toISOString() })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.code',
    reason: 'the code expired before it could be sent',
  })
  await servers.waitForEmptyQueue()
  t.same(await servers.inbox.messages(), [])
})

t.test('S4: a code that was sealed for another challenge becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  const { logs } = await startNotifier(t, servers)
  await servers.publishCode({ sealedFor: 'another challenge' })
  t.match(await servers.waitForDeadLetter(), { reason: 'the code cannot be opened' })
  await eventually(() => logs().includes('the code cannot be opened'))
  t.same(await servers.inbox.messages(), [])
})

t.test('an address with a comma becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await servers.publishCode({ to: { to: 'a@example.com, b@example.com' } })
  t.match(await servers.waitForDeadLetter(), { reason: 'the recipient is not a valid one' })
  t.same(await servers.inbox.messages(), [])
})

t.test('S9: the confirmation code and the address are neither in the stream nor in a log', async (t) => {
  const servers = await startServers(t)
  const first = await startNotifier(t, servers)
  await servers.publishCode({ code: '918273' })
  await servers.inbox.waitForMessage('bpmtestusr1@gmail.com')
  await servers.waitForEmptyQueue()
  await first.app.close()

  await servers.publishCode({ code: '918273' })
  const [kept] = await servers.stored('NOTIFY')
  const bytes = `${kept?.string()}${JSON.stringify([...(kept?.header ?? [])])}`
  t.match(bytes, 'verificationCode')
  t.notMatch(bytes, '918273')
  t.notMatch(bytes, 'bpmtestusr1')
  t.match(first.logs(), 'message sent')
  t.notMatch(first.logs(), '918273')
  t.notMatch(first.logs(), 'bpmtestusr1')
})
