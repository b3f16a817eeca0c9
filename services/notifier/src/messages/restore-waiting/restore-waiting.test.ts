import { NotifyRestoreWaiting, type WaitingRestoreNotice, waitingRestoreNotices } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { recipient, startNotifier, startServers } from '../../app.fixture.ts'

const servers = await startServers(t)
await startNotifier(t, servers)

const vetoLink = 'https://bank.example/v/mV3r_kQ9-0aZ1bY2cX4dWg'

const publishNotice = async (
  notice: WaitingRestoreNotice,
  { to = {}, sealedFor, link = vetoLink }: { to?: object; sealedFor?: string; link?: string } = {},
) => {
  const id = systemRandom.id()
  const { recipient, reportLink: sealed } = await servers.sealNotification(sealedFor ?? id, to, link)
  const times = { openedAt: '2026-11-21T20:37:12.000Z', endsAt: '2026-11-22T20:37:12.000Z' }
  const data = { notice, recipient, ...(notice !== 'vetoed' && { vetoLink: sealed }), ip: '203.0.113.7', ...times }
  await servers.publish(NotifyRestoreWaiting, { id, subject: 'EN00000CY', data })
}

const subjects: Record<WaitingRestoreNotice, string> = {
  opened: 'somebody wants to reset your password',
  half: 'a reset of your password is still waiting',
  last: 'your password can soon be reset',
  ended_early: 'your password can be reset now',
  vetoed: 'the reset of your password was stopped',
}

for (const [index, notice] of waitingRestoreNotices.entries()) {
  t.test(`S58: the notification "${notice}" states when, where, until when, and how to stop it`, async (t) => {
    const to = `person${index}@example.com`
    await publishNotice(notice, { to: { to } })
    const mail = await servers.inbox.waitForMessage(to)
    const stops = notice !== 'vetoed'
    t.equal(mail.Subject, `Rekey: ${subjects[notice]}`)
    for (const form of [mail.Text, mail.HTML]) {
      t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
      t.match(form, '203.0.113.7')
      t.match(form, '+44 20 7946 0000')
      t.equal(form.includes('22 November 2026 at 22:38'), stops, 'the end is rounded up to the minute')
      t.equal(form.includes(vetoLink), stops)
    }
    t.equal(mail.Text.split(/\r?\n/).includes(`Stop the reset: ${vetoLink}`), stops)

    const phone = `+44770090000${index}`
    await publishNotice(notice, { to: { channel: 'sms', to: phone } })
    const { Text } = await servers.inbox.waitForMessage(phone)
    t.equal(Text.split('\n').includes(`Stop it: ${vetoLink}`), stops)
  })
}

t.test('a notification sealed for another event, or with a link of another page, becomes a dead letter', async (t) => {
  await publishNotice('opened', { sealedFor: 'another event', to: { to: recipient.to } })
  await publishNotice('opened', { link: 'https://bank.example/n/mV3r_kQ9-0aZ1bY2cX4dWg' })
  const letters = await eventually(
    async () => {
      const stored = await servers.stored('DEAD')
      return stored.length === 2 && stored.map(({ header }) => header.get('rekey-reason')).toSorted()
    },
    { what: 'two dead letters' },
  )
  t.same(letters, ['the recipient cannot be opened', 'the veto link is not a valid one'])
})
