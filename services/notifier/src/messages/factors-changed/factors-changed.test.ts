import { type FactorOperation, factorOperations, NotifyFactorsChanged } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { recipient, reportLink, startNotifier, startServers } from '../../app.fixture.ts'

const servers = await startServers(t)
await startNotifier(t, servers)

const publishChange = async (
  operation: FactorOperation | 'reset',
  { to = {}, sealedFor }: { to?: object; sealedFor?: string } = {},
) => {
  const id = systemRandom.id()
  const sealed = await servers.sealNotification(sealedFor ?? id, to)
  const where = operation === 'reset' ? {} : { ip: '203.0.113.7' }
  const data = { operation, ...sealed, ...where, changedAt: '2026-11-21T20:37:12.000Z' }
  await servers.publish(NotifyFactorsChanged, { id, subject: 'EN00000CY', data })
}

const subjects: Record<FactorOperation | 'reset', string> = {
  totp_added: 'an authenticator app was added',
  totp_removed: 'an authenticator app was removed',
  recovery_codes_issued: 'recovery codes were created',
  recovery_codes_replaced: 'your recovery codes were replaced',
  recovery_codes_removed: 'your recovery codes were removed',
  passkey_added: 'a passkey was added',
  passkey_removed: 'a passkey was removed',
  passkey_cloned: 'a passkey was copied and no longer works',
  reset: 'your second factors were removed',
}

for (const [index, operation] of [...factorOperations, 'reset' as const].entries()) {
  t.test(`S57: the notification of ${operation} states what changed, when, where, and what to do`, async (t) => {
    const to = `person${index}@example.com`
    await publishChange(operation, { to: { to } })
    const mail = await servers.inbox.waitForMessage(to)
    t.equal(mail.Subject, `Rekey: ${subjects[operation]}`)
    for (const form of [mail.Text, mail.HTML]) {
      t.match(form, '21 November 2026 at 22:37 (Eastern European Standard Time)')
      t.equal(form.includes('203.0.113.7'), operation !== 'reset')
      t.match(form, 'Then call +44 20 7946 0000.')
    }
    t.ok(mail.Text.split(/\r?\n/).includes(`It was not me: ${reportLink}`))

    const phone = `+44770090000${index}`
    await publishChange(operation, { to: { channel: 'sms', to: phone } })
    const { Text } = await servers.inbox.waitForMessage(phone)
    t.ok(Text.split('\n').includes(`Not you? ${reportLink}`))
  })
}

t.test('a notification sealed for another event becomes a dead letter', async (t) => {
  await publishChange('totp_added', { sealedFor: 'another event', to: { to: recipient.to } })
  t.same(await servers.waitForDeadLetter(), {
    subject: 'dead.notify.factors-changed',
    reason: 'the recipient cannot be opened',
  })
})
