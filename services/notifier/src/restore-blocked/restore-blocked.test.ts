import { NotifyRestoreBlocked } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, startNotifier, startSurroundings } from '../app.fixture.ts'
import { restoreBlockedMessage } from './restore-blocked.template.ts'

const blockedFrom = '2026-11-21T20:37:12.000Z'
const blockedUntil = '2026-11-21T20:47:12.000Z'

const publishBlock = async (
  { publish, sealAddress }: Awaited<ReturnType<typeof startSurroundings>>,
  { to = {}, sealedFor, ...data }: { to?: object; sealedFor?: string; blockedUntil?: string } = {},
) => {
  const id = systemRandom.id()
  const sealed = await sealAddress(sealedFor ?? id, { ...recipient, ...to })
  await publish(NotifyRestoreBlocked, { id, subject: 'EN00000CY', data: { recipient: sealed, blockedFrom, ...data } })
  return id
}

t.test('S6 a notice says that restore is blocked, from when until when, and that sign-in is not', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  const id = await publishBlock(runtime, { blockedUntil })
  const mail = await runtime.inbox.waitForMessage(recipient.to)
  t.equal(mail.MessageID, `${id}@rekey.test`)
  t.equal(mail.Subject, 'Rekey: replacing a forgotten password is blocked for now')
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    t.match(form, '21 November 2026 at 22:48 (Eastern European Standard Time)')
    t.match(form, 'Your password has not changed, and you can sign in with it as always.')
    t.match(form, 'If it was not you')
    t.notMatch(form, /https?:/, 'there is nothing to press')
  }
})

t.test('S6 the same by SMS', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  await publishBlock(runtime, { blockedUntil, to: { channel: 'sms', to: '+447700900001' } })
  const { Text } = await runtime.inbox.waitForMessage('+447700900001')
  t.match(Text, 'until 21 November 2026 at 22:48')
  t.match(Text, 'you can sign in with it as always')
  t.match(Text, 'do not give a code to anyone')
})

t.test('S6 a block that only the staff can lift says whom to ask', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  await publishBlock(runtime)
  const mail = await runtime.inbox.waitForMessage(recipient.to)
  t.equal(mail.Subject, 'Rekey: replacing a forgotten password is switched off')
  t.match(mail.Text, 'call Rekey, on a number that you already know. Only the staff can switch this on again')
  t.notMatch(mail.Text, /until/i)
  const { sms } = restoreBlockedMessage({ from: new Date(blockedFrom), until: undefined, recipient, brand: 'Rekey' })
  t.match(sms, 'call Rekey, on a number that you already know')
})

t.test('a notice sealed for another event becomes a dead letter', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  await publishBlock(runtime, { sealedFor: 'another event' })
  t.same(await runtime.waitForDeadLetter(), {
    subject: 'dead.notify.restore-blocked',
    reason: 'the recipient cannot be opened',
  })
  t.same(await runtime.inbox.messages(), [])
})
