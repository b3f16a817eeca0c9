import { NotifyProtectionChanged } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, startNotifier, startServers } from '../../app.fixture.ts'

type Servers = Awaited<ReturnType<typeof startServers>>
type Operation = 'block' | 'lift_block' | 'end_hold' | 'end_sessions'

const publishChange = async (
  { publish, sealNotification }: Servers,
  operation: Operation,
  { to = {}, sealedFor }: { to?: object; sealedFor?: string } = {},
) => {
  const id = systemRandom.id()
  const { reportLink: link, ...sealed } = await sealNotification(sealedFor ?? id, to)
  const data = { operation, ...sealed, ...(operation !== 'block' && { reportLink: link }) }
  const changedAt = '2026-11-21T20:37:12.000Z'
  await publish(NotifyProtectionChanged, { id, subject: 'EN00000CY', data: { ...data, changedAt } })
}

const texts = {
  block: { subject: 'Rekey: your account is blocked', says: 'You were signed out on all devices.' },
  lift_block: { subject: 'Rekey: your account can be used again', says: 'lifted every block of your account' },
  end_hold: { subject: 'Rekey: a waiting time of your account was ended', says: 'ended this waiting time early' },
  end_sessions: { subject: 'Rekey: you were signed out', says: 'signed you out on all devices' },
}

for (const operation of ['block', 'lift_block', 'end_hold', 'end_sessions'] as const) {
  t.test(`S41 the notification of ${operation} states what the staff did, when, and what to do`, async (t) => {
    const servers = await startServers(t)
    await startNotifier(t, servers)
    await publishChange(servers, operation)
    const mail = await servers.inbox.waitForMessage(recipient.to)
    t.equal(mail.Subject, texts[operation].subject)
    for (const form of [mail.Text, mail.HTML]) {
      t.match(form, 'The staff of Rekey')
      t.match(form, texts[operation].says)
      t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    }
    const lines = mail.Text.split(/\r?\n/)
    t.equal(lines.includes(`It was not me: ${reportLink}`), operation !== 'block', 'a block has no report link')

    await publishChange(servers, operation, { to: { channel: 'sms', to: '+447700900001' } })
    const { Text } = await servers.inbox.waitForMessage('+447700900001')
    t.match(Text, texts[operation].subject)
    t.equal(Text.split('\n').includes(`It was not me: ${reportLink}`), operation !== 'block')
  })
}

t.test('a notification sealed for another event becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await publishChange(servers, 'lift_block', { sealedFor: 'another event' })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.protection-changed',
    reason: 'the recipient cannot be opened',
  })
  t.same(await servers.inbox.messages(), [])
})
