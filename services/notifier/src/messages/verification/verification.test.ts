import { NotifyVerification } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, startNotifier, startServers } from '../../app.fixture.ts'

const servers = await startServers(t)
const { logs } = await startNotifier(t, servers)

const publish = async ({
  to = {},
  sealedFor,
  secret = { words: 'amber river', code: '516538' },
  expiresInMs = 600_000,
}: {
  to?: object
  sealedFor?: string
  secret?: object
  expiresInMs?: number
}) => {
  const id = systemRandom.id()
  const data = {
    recipient: await servers.sealAddress(id, { ...recipient, ...to }),
    secret: await servers.sealAddress(sealedFor ?? id, secret),
    askedAt: new Date().toISOString(),
    expiresAt: new Date(Date.now() + expiresInMs).toISOString(),
  }
  await servers.publish(NotifyVerification, { id, subject: 'EN00000CY', data })
}

t.test('S59: the mail says which two words the staff must say, and to read out the code only then', async (t) => {
  await publish({})
  const mail = await servers.inbox.waitForMessage(recipient.to)
  t.equal(mail.Subject, 'Rekey: two words and a code for your call')
  for (const form of [mail.Text, mail.HTML]) {
    const [words, code] = [form.indexOf('amber river'), form.indexOf('516538')]
    t.ok(words > 0 && code > words, 'the words first')
    t.match(form, /read this code to them\. If not, end the call\./)
    t.match(form, /Give the code to nobody, and call \+44 20 7946 0000 at once\./)
    t.match(form, /asks for this code only after the two words\./)
    t.notMatch(form, /never asks you for a password or a code/, 'the opposite of what it asks')
  }
})

t.test('S59: the SMS says the same, and binds the code to no site', async (t) => {
  await publish({ to: { channel: 'sms', to: '+447700900001' } })
  const { Text } = await servers.inbox.waitForMessage('+447700900001')
  t.match(Text, /our staff must say to you: amber river\.\nRead this code to them only then: 516538\n/)
  t.notMatch(Text, /^@/m)
})

t.test('each customer reads the words of the own language', async (t) => {
  const to = { to: 'ru@example.com', locale: 'ru-RU' }
  await publish({ to, secret: { words: 'янтарь река', code: '000007' } })
  const { Text } = await servers.inbox.waitForMessage('ru@example.com')
  t.match(Text, 'янтарь река')
  t.match(Text, '000007')
})

t.test('a secret that was sealed for another event, is malformed or expired becomes a dead letter', async (t) => {
  await publish({ sealedFor: systemRandom.id(), to: { to: 'dead@example.com' } })
  t.match(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.verification',
    reason: 'the secret cannot be opened',
  })
  await publish({ secret: { words: 'amber\nBcc: river', code: '516538' }, to: { to: 'dead@example.com' } })
  await publish({ expiresInMs: -1_000, to: { to: 'dead@example.com' } })
  await servers.waitForEmptyQueue()
  const reasons = (await servers.stored('DEAD')).map((letter) => letter.header.get('rekey-reason'))
  t.same(reasons.toSorted(), [
    'the code expired before it could be sent',
    'the secret cannot be opened',
    'the secret is not a valid one',
  ])
  t.same(
    (await servers.inbox.messages()).filter((message) => JSON.stringify(message).includes('dead@')),
    [],
  )
  t.notMatch(logs(), /amber river|516538/)
})
