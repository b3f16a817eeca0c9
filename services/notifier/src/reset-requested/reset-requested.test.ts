import { NotifyResetRequested } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, startNotifier, startSurroundings } from '../app.fixture.ts'

const publishRequest = async (
  { publish, sealNotice }: Awaited<ReturnType<typeof startSurroundings>>,
  { to = {}, sealedFor }: { to?: object; sealedFor?: string } = {},
) => {
  const id = systemRandom.id()
  const data = { ...(await sealNotice(sealedFor ?? id, to)), requestedAt: '2026-11-21T20:37:12.000Z' }
  await publish(NotifyResetRequested, { id, subject: 'EN00000CY', data })
}

t.test('S22 a notice says that the staff want a new password, since when, and what to do', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  await publishRequest(runtime)
  const mail = await runtime.inbox.waitForMessage(recipient.to)
  t.equal(mail.Subject, 'Rekey: please set a new password')
  for (const form of [mail.Text, mail.HTML]) {
    t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
    t.match(form, 'have signed you out on all devices')
    t.equal(form.match(/https?:/g)?.length, 1, 'no link but the one to report')
  }
  t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${reportLink}`))
})

t.test('S22 the same by SMS', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  await publishRequest(runtime, { to: { channel: 'sms', to: '+447700900001' } })
  const sms = await runtime.inbox.waitForMessage('+447700900001')
  t.match(sms.Text, 'Rekey: please set a new password at your next sign-in. You were signed out on all devices')
  t.ok(sms.Text.split('\n').includes(`It was not me: ${reportLink}`))
})

t.test('a notice sealed for another event becomes a dead letter', async (t) => {
  const runtime = await startSurroundings(t)
  await startNotifier(t, runtime)
  await publishRequest(runtime, { sealedFor: 'another event' })
  t.same(await runtime.waitForDeadLetter(), {
    subject: 'dead.notify.reset-requested',
    reason: 'the recipient cannot be opened',
  })
  t.same(await runtime.inbox.messages(), [])
})
