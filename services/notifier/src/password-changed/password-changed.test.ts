import { NotifyPasswordChanged } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, startNotifier, startSurroundings } from '../app.fixture.ts'
import { passwordChangedMessage } from './password-changed.template.ts'

const changedAt = new Date('2026-11-21T20:37:12Z')

t.test('a notice says what happened, when by the recipient’s clock, from where, and what to do', async (t) => {
  const surroundings = await startSurroundings(t)
  await startNotifier(t, surroundings)
  const id = systemRandom.id()
  await surroundings.publish(NotifyPasswordChanged, {
    id,
    subject: 'EN00000CY',
    data: {
      operation: 'restore',
      recipient: await surroundings.sealAddress(id, recipient),
      ip: '203.0.113.7',
      changedAt: changedAt.toISOString(),
    },
  })
  const mail = await surroundings.inbox.waitForMessage(recipient.to)
  t.equal(mail.MessageID, `${id}@rekey.test`)
  t.equal(mail.Subject, 'Rekey: you have a new password')
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    t.match(form, '203.0.113.7')
    t.match(form, 'call Rekey at once, on a number that you already know')
    t.notMatch(form, /https?:/, 'no link to follow')
  }
})

t.test('a notice whose address was sealed for another event becomes a dead letter', async (t) => {
  const surroundings = await startSurroundings(t)
  await startNotifier(t, surroundings)
  await surroundings.publish(NotifyPasswordChanged, {
    subject: 'EN00000CY',
    data: {
      operation: 'change',
      recipient: await surroundings.sealAddress('another event', recipient),
      ip: '203.0.113.7',
      changedAt: changedAt.toISOString(),
    },
  })
  t.same(await surroundings.waitForDeadLetter(), {
    subject: 'dead.notify.password-changed',
    reason: 'the recipient cannot be opened',
  })
  t.same(await surroundings.inbox.messages(), [])
})

t.test('each operation has its own words', async (t) => {
  const titleOf = (operation: 'change' | 'restore' | 'set') =>
    passwordChangedMessage({ operation, ip: '203.0.113.7', changedAt, recipient, brand: 'Rekey' }).mail.subject
  t.equal(titleOf('change'), 'Rekey: your password was changed')
  t.equal(titleOf('restore'), 'Rekey: you have a new password')
  t.equal(titleOf('set'), 'Rekey: your password was replaced')
})

t.test('the address of the staff who replaced a password is not told', (t) => {
  const facts = { operation: 'set' as const, ip: '203.0.113.7', changedAt, recipient, brand: 'Rekey' }
  const { mail, sms } = passwordChangedMessage(facts)
  for (const text of [mail.text, mail.html, sms]) t.notMatch(text, facts.ip)
  t.end()
})

t.test('the time is given in UTC, and plainly, where zone or locale are not known', async (t) => {
  const textFor = (locale: string, timezone: string) =>
    passwordChangedMessage({
      operation: 'change',
      ip: '203.0.113.7',
      changedAt,
      recipient: { ...recipient, locale, timezone },
      brand: 'Rekey',
    }).mail.text
  t.match(textFor('not a locale', 'Nowhere/Land'), '21 November 2026 at 20:37 (Coordinated Universal Time)')
  t.match(textFor('de-DE', ''), '21 November 2026 at 20:37 (Coordinated Universal Time)')
  t.match(textFor('en-US', 'America/New_York'), /November 21, 2026 at 3:37\sPM \(Eastern Standard Time\)/)
})

t.test('what comes from outside is escaped in HTML', async (t) => {
  const { html } = passwordChangedMessage({
    operation: 'change',
    ip: '<script>alert(1)</script>',
    changedAt,
    recipient,
    brand: 'Bank & "Sons" <b>',
  }).mail
  t.notMatch(html, '<script>')
  t.notMatch(html, '<b>')
  t.match(html, '&#60;script&#62;alert(1)&#60;/script&#62;')
  t.match(html, 'Bank &#38; &#34;Sons&#34; &#60;b&#62;')
})
