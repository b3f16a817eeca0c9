import { NotifyAskedWhileBlocked } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, startNotifier, startServers } from '../../app.fixture.ts'

const askedAt = '2026-11-21T20:37:12.000Z'

const publishRequest = async (
  { publish, sealAddress }: Awaited<ReturnType<typeof startServers>>,
  { to = {}, sealedFor }: { to?: object; sealedFor?: string } = {},
) => {
  const id = systemRandom.id()
  const sealed = await sealAddress(sealedFor ?? id, { ...recipient, ...to })
  await publish(NotifyAskedWhileBlocked, { id, subject: 'EN00000CY', data: { recipient: sealed, askedAt } })
}

t.test(
  'a blocked customer who asks for a code reads by mail and SMS that there is none, and whom to call',
  async (t) => {
    const servers = await startServers(t)
    await startNotifier(t, servers)
    await publishRequest(servers)
    const mail = await servers.inbox.waitForMessage(recipient.to)
    t.equal(mail.Subject, 'Rekey: your account is blocked, so we sent no code')
    for (const form of [mail.Text, mail.HTML]) {
      t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
      t.match(form, 'call +44 20 7946 0000 to have the block lifted')
      t.match(form, 'If it was not you, you need not do anything.')
      t.notMatch(form, /https?:/, 'no link')
    }

    await publishRequest(servers, { to: { channel: 'sms', to: '+447700900001' } })
    const { Text } = await servers.inbox.waitForMessage('+447700900001')
    t.match(Text, /^Rekey: somebody asked for a code, 21 Nov, 22:37 EET\. We sent none: your account is blocked\./)
    t.match(Text, 'Call +44 20 7946 0000')
  },
)

t.test('a notification sealed for another event becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRequest(servers, { sealedFor: 'another event' })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.asked-while-blocked',
    reason: 'the recipient cannot be opened',
  })
  t.same(await servers.inbox.messages(), [])
})
