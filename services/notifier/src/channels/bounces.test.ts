import { eventually } from '@rekey/test-support/eventually'
import t, { type Test } from 'tap'
import { startNotifier, startServers } from '../app.fixture.ts'
import { bounceOfReply, reasonOfStatus } from './bounce-reason.ts'
import { startVendor } from './sms.fixture.ts'
import { startSmtpListener } from './smtp.fixture.ts'

const sms = { customerId: 7, to: { channel: 'sms' as const, to: '+447700900001' } }

const failureOf = (response: string) =>
  Object.assign(new Error('refused'), { responseCode: Number(response.slice(0, 3)), response })

t.test('a reply that says of the recipient that it cannot receive is a bounce, and no other is', async (t) => {
  const bounces: Record<string, string> = {
    '550 5.1.1 <a@example.com>: User unknown': 'unknown_address',
    '553 5.1.3 Bad destination mailbox address syntax': 'unknown_address',
    '551 5.1.6 Mailbox has moved': 'unknown_address',
    '550 5.1.2 Host unknown': 'unknown_domain',
    '550 5.1.10 The domain takes no mail (null MX)': 'unknown_domain',
    '550-5.2.1 The account is inactive': 'unreachable',
    '550 5.1.0 Address rejected': 'other',
    '550 5.1.11': 'other',
  }
  for (const [response, reason] of Object.entries(bounces))
    t.equal(bounceOfReply(failureOf(response)), reason, response)
  for (const response of [
    '550 5.7.1 Relaying denied',
    '550 5.1.8 Bad sender',
    '550 5.1.7 Bad sender syntax',
    '550 no such mailbox',
    '554 5.1.1 User unknown',
    '450 4.1.1 Try again',
    '',
  ])
    t.equal(bounceOfReply(failureOf(response)), undefined, response)
})

t.test('an enhanced status code of a notification has one reason', async (t) => {
  const reasons = {
    '5.1.1': 'unknown_address',
    '5.2.2': 'full',
    '4.2.2': 'full',
    '5.4.4': 'unknown_domain',
    '5.4.7': 'expired',
    '4.4.1': 'expired',
    '5.7.26': 'rejected',
    '5.6.0': 'rejected',
    '5.0.0': 'other',
  }
  for (const [status, reason] of Object.entries(reasons)) t.equal(reasonOfStatus(status), reason, status)
})

/** Sends one message and returns the bounces that were counted once it became a dead letter. */
const bouncesOf = async (t: Test, env: Record<string, string>, data: object) => {
  const servers = await startServers(t, env)
  const notifier = await startNotifier(t, servers)
  await servers.publishCode({ customerId: 7, ...data })
  await servers.waitForDeadLetter()
  return { ...notifier, bounces: await notifier.figures('rekey_message_bounces_total') }
}

t.test(
  'an address that the mail server refuses for good is counted once, and logged without the address',
  async (t) => {
    const recipientRefusal = { responseCode: 550, message: '5.1.1 <bpmtestusr1@gmail.com>: User unknown' }
    const { url } = await startSmtpListener(t, { recipientRefusal })
    const { bounces, logs } = await bouncesOf(t, { SMTP_URL: url }, {})
    t.same(bounces, ['channel=email reason=unknown_address: 1'])
    const line = await eventually(() =>
      logs()
        .split('\n')
        .find((text) => text.includes('message_bounced')),
    )
    t.match(JSON.parse(line), { channel: 'email', reason: 'unknown_address', learnt: 'handover' })
    t.notMatch(line, 'bpmtestusr1')
  },
)

t.test('a mail that is refused by a policy is no bounce', async (t) => {
  const { url } = await startSmtpListener(t, { recipientRefusal: { responseCode: 550, message: '5.7.1 Blocked' } })
  t.same((await bouncesOf(t, { SMTP_URL: url }, {})).bounces, [])
})

t.test('a number that the SMS vendor does not know, or does not reach, is counted by the vendor’s code', async (t) => {
  const answers: [body: string, codes: Record<string, string>, bounces: string[]][] = [
    ['{"code":"invalid_number"}', {}, ['channel=sms reason=unknown_address: 1']],
    ['{"error":{"code":21614}}', { REKEY_SMS_UNREACHABLE_CODES: '30006,21614' }, ['channel=sms reason=unreachable: 1']],
    ['{"code":"text_too_long"}', {}, []],
    ['invalid_number', {}, []],
  ]
  for (const [body, codes, expected] of answers) {
    const REKEY_SMS_URL = await startVendor(t, 422, body)
    t.same((await bouncesOf(t, { REKEY_SMS_URL, ...codes }, sms)).bounces, expected, body)
  }
})
