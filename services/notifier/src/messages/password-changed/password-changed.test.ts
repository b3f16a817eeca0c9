import { NotifyPasswordChanged } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, startNotifier, startServers } from '../../app.fixture.ts'
import { passwordChangedMessage } from './password-changed.en.ts'

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
    t.match(form, 'nobody can sign in to your account or restore its password until Rekey has spoken with you')
    t.match(form, 'call Rekey, on a number that you already know')
    t.same(form.match(/https?:[^\s"<]+/g), [reportLink.replaceAll('=', form === mail.HTML ? '&#61;' : '=')])
  }
  t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${reportLink}`), 'the link is whole, on one line')
  t.match(mail.HTML, /<a href="https:[^"]+"[^>]*>It was not me<\/a>/)
})

t.test('S22 an SMS has the whole link at the end of a line', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishChange(servers, { to: { channel: 'sms', to: '+447700900001' } })
  const sms = await servers.inbox.waitForMessage('+447700900001')
  t.ok(sms.Text.split('\n').includes(`It was not me: ${reportLink}`))
  t.match(sms.Text, 'That blocks sign-in and restore until we have spoken with you.')
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
  t.notMatch(`${kept?.string()}${JSON.stringify([...(kept?.header ?? [])])}`, 'not-me')
  t.match(logs(), 'message sent')
  t.notMatch(logs(), 'not-me')
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

for (const link of ['javascript:alert(1)', 'https://bank.example/not-me?token=a b', 'https://bank.example/login']) {
  t.test(`a notification with the link ${link} becomes a dead letter`, async (t) => {
    const servers = await startServers(t)
    await startNotifier(t, servers)
    await publishChange(servers, { link })
    t.match(await servers.waitForDeadLetter(), { reason: 'the report link is not a valid one' })
    t.same(await servers.inbox.messages(), [])
  })
}

t.test('each operation has its own subject', async (t) => {
  const titleOf = (operation: 'change' | 'restore' | 'reset' | 'set') =>
    passwordChangedMessage({ operation, ip: '203.0.113.7', changedAt, reportLink, recipient, brand: 'Rekey' }).mail
      .subject
  t.equal(titleOf('change'), 'Rekey: your password was changed')
  t.equal(titleOf('restore'), 'Rekey: you have a new password')
  t.equal(titleOf('reset'), 'Rekey: your password was reset')
  t.equal(titleOf('set'), 'Rekey: your password was replaced')
})

t.test('the address of the staff is not disclosed', (t) => {
  const content = { operation: 'set' as const, ip: '203.0.113.7', changedAt, reportLink, recipient, brand: 'Rekey' }
  const { mail, sms } = passwordChangedMessage(content)
  for (const text of [mail.text, mail.html, sms]) t.notMatch(text, content.ip)
  t.end()
})

t.test('the time is in UTC and British English if time zone or locale are unknown', async (t) => {
  const textFor = (locale: string, timezone: string) =>
    passwordChangedMessage({
      operation: 'change',
      ip: '203.0.113.7',
      changedAt,
      reportLink,
      recipient: { ...recipient, locale, timezone },
      brand: 'Rekey',
    }).mail.text
  t.match(textFor('not a locale', 'Nowhere/Land'), '21 November 2026 at 20:37 (Coordinated Universal Time)')
  t.match(textFor('de-DE', ''), '21 November 2026 at 20:37 (Coordinated Universal Time)')
  t.match(textFor('en-US', 'America/New_York'), /November 21, 2026 at 3:37\sPM \(Eastern Standard Time\)/)
})

t.test('values of the event and the configuration are escaped in HTML', async (t) => {
  const { html } = passwordChangedMessage({
    operation: 'change',
    ip: '<script>alert(1)</script>',
    changedAt,
    reportLink: 'https://bank.example/not-me?token="><b>',
    recipient,
    brand: 'Bank & "Sons" <b>',
  }).mail
  t.notMatch(html, '<script>')
  t.notMatch(html, '<b>')
  t.match(html, '&#60;script&#62;alert(1)&#60;/script&#62;')
  t.match(html, 'Bank &#38; &#34;Sons&#34; &#60;b&#62;')
})
