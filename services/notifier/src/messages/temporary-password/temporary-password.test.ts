import { NotifyTemporaryPassword } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, startNotifier, startServers } from '../../app.fixture.ts'

const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString()

const publishPassword = async (
  { publish, sealAddress, sealNotification }: Awaited<ReturnType<typeof startServers>>,
  { password, expiresAt = tomorrow(), to = {} }: { password: string; expiresAt?: string; to?: object },
) => {
  const id = systemRandom.id()
  const sealed = { ...(await sealNotification(id, to)), password: await sealAddress(id, password) }
  await publish(NotifyTemporaryPassword, { id, subject: 'EN00000CY', data: { setBy: 'client', ...sealed, expiresAt } })
}

t.test('a temporary password arrives unchanged on a line of its own, and escaped in HTML', async (t) => {
  const servers = await startServers(t)
  const { logs } = await startNotifier(t, servers)
  const password = 'a=b <&> "ключ" \' 🔑 end'
  await publishPassword(servers, { password })
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.ok(mail.Text.split(/\r?\n/).includes(`Temporary password: ${password}`))
  t.match(mail.Text, /Until: .+ \(Eastern European (Standard|Summer) Time\)/)
  t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${reportLink}`))
  t.match(mail.HTML, 'a&#61;b &#60;&#38;&#62; &#34;ключ&#34; &#39; 🔑 end')
  t.notMatch(mail.Subject, password)
  t.notMatch(logs(), 'ключ')
  t.notMatch(logs(), reportLink)
})

t.test('a temporary password that is no longer valid becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishPassword(servers, { password: 'hunter2hunter2', expiresAt: new Date(Date.now() - 1).toISOString() })
  t.match(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.temporary-password',
    reason: 'the temporary password expired before it could be sent',
  })
  t.same(await servers.inbox.messages(), [])
})

t.test('a temporary password by SMS is on a line of its own, with the link', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishPassword(servers, { password: 'tiger-lamp-42', to: { channel: 'sms', to: '+447700900001' } })
  const lines = (await servers.inbox.waitForMessage('+447700900001')).Text.split('\n')
  t.ok(lines.includes('Temporary password: tiger-lamp-42'))
  t.ok(lines.includes(`Not you? ${reportLink}`))
})
