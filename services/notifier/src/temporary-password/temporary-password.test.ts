import { NotifyTemporaryPassword } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, startNotifier, startSurroundings } from '../app.fixture.ts'

const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString()

const publishPassword = async (
  { publish, sealAddress }: Awaited<ReturnType<typeof startSurroundings>>,
  { password, expiresAt = tomorrow() }: { password: string; expiresAt?: string },
) => {
  const id = systemRandom.id()
  await publish(NotifyTemporaryPassword, {
    id,
    subject: 'EN00000CY',
    data: { recipient: await sealAddress(id, recipient), password: await sealAddress(id, password), expiresAt },
  })
}

t.test('a temporary password arrives alone on a line of its own, to the letter, and escaped in HTML', async (t) => {
  const surroundings = await startSurroundings(t)
  const { logs } = await startNotifier(t, surroundings)
  const password = 'a=b <&> "ключ" \' 🔑 end'
  await publishPassword(surroundings, { password })
  const mail = await surroundings.inbox.waitForMessage(recipient.to)
  t.ok(mail.Text.split(/\r?\n/).includes(`Temporary password: ${password}`))
  t.match(mail.Text, /It is valid until .+ \(Eastern European (Standard|Summer) Time\)/)
  t.match(mail.Text, 'At your next sign-in you must set a password of your own')
  t.match(mail.HTML, 'a&#61;b &#60;&#38;&#62; &#34;ключ&#34; &#39; 🔑 end')
  t.notMatch(mail.Subject, password)
  t.notMatch(logs(), 'ключ')
})

t.test('a temporary password that is no longer valid becomes a dead letter', async (t) => {
  const surroundings = await startSurroundings(t)
  await startNotifier(t, surroundings)
  await publishPassword(surroundings, { password: 'hunter2hunter2', expiresAt: new Date(Date.now() - 1).toISOString() })
  t.match(await surroundings.waitForDeadLetter(), {
    subject: 'dead.notify.temporary-password',
    reason: 'the temporary password expired before it could be sent',
  })
  t.same(await surroundings.inbox.messages(), [])
})
