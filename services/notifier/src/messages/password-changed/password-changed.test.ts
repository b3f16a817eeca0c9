import { NotifyPasswordChanged } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, sealedReportLink, startNotifier, startServers } from '../../app.fixture.ts'
import { presentationOf, usual } from '../samples.fixture.ts'
import { passwordChangedMessage } from './password-changed.message.ts'

const changedAt = new Date('2026-11-21T20:37:12Z')

type Servers = Awaited<ReturnType<typeof startServers>>

const publishChange = async (
  { publish, sealNotification }: Servers,
  { sealedFor, link, to = {} }: { sealedFor?: string; link?: string; to?: object } = {},
) => {
  const id = systemRandom.id()
  const sealed = await sealNotification(sealedFor ?? id, to, link)
  const data = { operation: 'restore' as const, ...sealed, ip: '203.0.113.7', changedAt: changedAt.toISOString() }
  await publish(NotifyPasswordChanged, { id, subject: 'EN00000CY', data })
  return id
}

t.test('S22 a notification states what happened, the local time, the address, and what to do', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  const id = await publishChange(servers)
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.equal(mail.MessageID, `${id}@rekey.test`)
  t.equal(mail.Subject, 'Rekey: you have a new password')
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    t.match(form, '203.0.113.7')
    t.match(form, 'It stays blocked until you have spoken with Rekey.')
    t.match(form, 'Then call +44 20 7946 0000.')
    t.same(form.match(/https?:[^\s"<]+/g), [reportLink])
  }
  t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${reportLink}`), 'the link is whole, on one line')
  t.match(mail.HTML, /<a [^>]*href="https:[^"]+"[^>]*>It was not me<\/a>/)
})

t.test('S22 an SMS has the whole link at the end of a line', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishChange(servers, { to: { channel: 'sms', to: '+447700900001' } })
  const sms = await servers.inbox.waitForMessage('+447700900001')
  t.ok(sms.Text.split('\n').includes(`Not you? ${reportLink}`))
  t.match(sms.Text, 'Call +44 20 7946 0000')
})

t.test('the link of a notification is in neither the stream nor the log', async (t) => {
  const servers = await startServers(t)
  const { app, logs } = await startNotifier(t, servers)
  await publishChange(servers)
  await servers.inbox.waitForMessage(recipient.to)
  await servers.waitForEmptyQueue()
  await app.close()
  await publishChange(servers)
  const [kept] = await servers.stored('NOTIFY')
  t.notMatch(`${kept?.string()}${JSON.stringify([...(kept?.header ?? [])])}`, reportLink)
  t.match(logs(), 'message sent')
  t.notMatch(logs(), reportLink)
})

t.test('a notification whose address was sealed for another event becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishChange(servers, { sealedFor: 'another event' })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.password-changed',
    reason: 'the recipient cannot be opened',
  })
  t.same(await servers.inbox.messages(), [])
})

for (const link of ['javascript:alert(1)', 'https://bank.example/n/short', 'https://bank.example/login']) {
  t.test(`a notification with the link ${link} becomes a dead letter`, async (t) => {
    const servers = await startServers(t)
    await startNotifier(t, servers)
    await publishChange(servers, { link })
    t.match(await servers.waitForDeadLetter(), { reason: 'the report link is not a valid one' })
    t.same(await servers.inbox.messages(), [])
  })
}

t.test('a link of an earlier password-service is sent as it is', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishChange(servers, { link: sealedReportLink })
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${sealedReportLink}`))
})

const compose = (content: Partial<Parameters<typeof passwordChangedMessage>[1]>) => {
  const presentation = presentationOf(usual, 'en')
  const usualContent = { operation: 'change' as const, ip: usual.ip, changedAt, unverified: false, reportLink }
  return passwordChangedMessage(presentation, { ...usualContent, ...content })
}

t.test('each operation has its own subject', async (t) => {
  const subjects = {
    change: 'your password was changed',
    restore: 'you have a new password',
    reset: 'your password was reset',
    set: 'your password was replaced',
  } as const
  for (const [operation, subject] of Object.entries(subjects)) {
    t.equal(compose({ operation: operation as keyof typeof subjects }).mail.subject, `Example Bank: ${subject}`)
  }
})

t.test('the address of the staff is not disclosed', async (t) => {
  const { mail, sms } = compose({ operation: 'set' })
  for (const text of [mail.text, mail.html, sms]) t.notMatch(text, usual.ip)
})
