import { NotifyAddressRemoved } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, startNotifier, startServers } from '../../app.fixture.ts'

const publishRemoval = async (
  { publish, sealNotification }: Awaited<ReturnType<typeof startServers>>,
  { to = {}, sealedFor, replacedBy = [] }: { to?: object; sealedFor?: string; replacedBy?: string[] } = {},
) => {
  const id = systemRandom.id()
  const sealed = await sealNotification(sealedFor ?? id, to)
  const data = { ...sealed, replacedBy, removedAt: '2026-11-21T20:37:12.000Z' }
  await publish(NotifyAddressRemoved, { id, subject: 'EN00000CY', data })
}

t.test('S43: a removed address reads what took its place, when, and the link "it was not me"', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRemoval(servers, { replacedBy: ['b*1@gmail.com'] })
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.equal(mail.Subject, 'Rekey: this email address was removed from your account')
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, 'b*1@gmail.com')
    t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    t.equal(form.match(/https?:/g)?.length, 1, 'only the report link')
  }
  t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${reportLink}`))
})

t.test('S43: a removed phone number gets the same by SMS, also if nothing took its place', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRemoval(servers, { to: { channel: 'sms', to: '+447700900001' } })
  const sms = await servers.inbox.waitForMessage('+447700900001')
  t.match(sms.Text, /^Rekey: this number was removed from your account, 21 Nov, 22:37 EET\./)
  t.notMatch(sms.Text, /replaced/i)
  t.ok(sms.Text.split('\n').includes(`Not you? ${reportLink}`))
})

t.test('a notification sealed for another event becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRemoval(servers, { sealedFor: 'another event' })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.address-removed',
    reason: 'the recipient cannot be opened',
  })
  t.same(await servers.inbox.messages(), [])
})
