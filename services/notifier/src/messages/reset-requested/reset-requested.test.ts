import { NotifyResetRequested } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, startNotifier, startServers } from '../../app.fixture.ts'

const publishRequest = async (
  { publish, sealNotification }: Awaited<ReturnType<typeof startServers>>,
  { to = {}, sealedFor, ...more }: { to?: object; sealedFor?: string; unverified?: boolean } = {},
) => {
  const id = systemRandom.id()
  const sealed = await sealNotification(sealedFor ?? id, to)
  const data = { ...sealed, ...more, requestedAt: '2026-11-21T20:37:12.000Z' }
  await publish(NotifyResetRequested, { id, subject: 'EN00000CY', data })
}

t.test('S22 a notification states that the staff demand a new password, the time, and what to do', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRequest(servers)
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.equal(mail.Subject, 'Rekey: please set a new password')
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    t.match(form, 'All your devices were signed out.')
    t.equal(form.match(/https?:/g)?.length, 1, 'only the report link')
  }
  t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${reportLink}`))
})

t.test('S22 the notification of a demanded password also goes by SMS', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRequest(servers, { to: { channel: 'sms', to: '+447700900001' } })
  const sms = await servers.inbox.waitForMessage('+447700900001')
  t.match(sms.Text, 'Rekey: set a new password when you sign in. All devices were signed out.')
  t.ok(sms.Text.split('\n').includes(`Not you? ${reportLink}`))
})

t.test('a notification sealed for another event becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRequest(servers, { sealedFor: 'another event' })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.reset-requested',
    reason: 'the recipient cannot be opened',
  })
  t.same(await servers.inbox.messages(), [])
})

t.test('S59: the notification says that the staff had not verified the customer, by mail and by SMS', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishRequest(servers, { unverified: true })
  const mail = await servers.inbox.waitForMessage(recipient.to)
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, 'The staff could not check with you before. A second member of the staff of Rekey approved it.')
  }
  await publishRequest(servers, { unverified: true, to: { channel: 'sms', to: '+447700900001' } })
  const sms = await servers.inbox.waitForMessage('+447700900001')
  t.match(sms.Text, 'Not checked with you before; a second member of staff approved it.')
  await publishRequest(servers, { to: { to: 'verified@example.com' } })
  t.notMatch((await servers.inbox.waitForMessage('verified@example.com')).Text, /check with you/)
})
