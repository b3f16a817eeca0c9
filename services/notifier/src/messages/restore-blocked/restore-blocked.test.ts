import { NotifyRestoreBlocked } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, startNotifier, startServers } from '../../app.fixture.ts'

const blockedFrom = '2026-11-21T20:37:12.000Z'
const blockedUntil = '2026-11-21T20:47:12.000Z'

const publishBlock = async (
  { publish, sealAddress }: Awaited<ReturnType<typeof startServers>>,
  { to = {}, sealedFor, ...data }: { to?: object; sealedFor?: string; blockedUntil?: string } = {},
) => {
  const id = systemRandom.id()
  const sealed = await sealAddress(sealedFor ?? id, { ...recipient, ...to })
  await publish(NotifyRestoreBlocked, { id, subject: 'EN00000CY', data: { recipient: sealed, blockedFrom, ...data } })
  return id
}

t.test('S6 a notification states that restore is locked, from when until when, and that sign-in is not', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  const id = await publishBlock(servers, { blockedUntil })
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.equal(mail.MessageID, `${id}@rekey.test`)
  t.equal(mail.Subject, 'Rekey: resetting your password is blocked for now')
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    t.match(form, '21 November 2026 at 22:48 (Eastern European Standard Time)')
    t.match(form, 'Your password has not changed, and you can sign in as always.')
    t.match(form, 'If it was not you')
    t.notMatch(form, /https?:/, 'no link')
  }
})

t.test('S6 the notification of a lockout also goes by SMS', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishBlock(servers, { blockedUntil, to: { channel: 'sms', to: '+447700900001' } })
  const { Text } = await servers.inbox.waitForMessage('+447700900001')
  t.match(Text, 'until 21 Nov, 22:48 EET')
  t.match(Text, 'You can sign in as always.')
  t.match(Text, 'Call +44 20 7946 0000')
})

t.test('S6 the notification of a lockout that only the back office lifts states whom to call', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishBlock(servers)
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.equal(mail.Subject, 'Rekey: resetting your password is switched off')
  t.match(mail.Text, 'If you forgot your password, call +44 20 7946 0000. Our staff first make sure that it is you.')
  t.notMatch(mail.Text, /until/i)
})

t.test('a notification sealed for another event becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishBlock(servers, { sealedFor: 'another event' })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.restore-blocked',
    reason: 'the recipient cannot be opened',
  })
  t.same(await servers.inbox.messages(), [])
})
