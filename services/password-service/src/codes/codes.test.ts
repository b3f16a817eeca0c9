import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { afterAnswer } from '../after-answer.ts'
import { createCodeSource, sealedCode } from './codes.fixture.ts'

const service = await startPasswordService(t)
const { query, clock } = service
const { requestRestore, issueChallenge, sent, everythingHandled, restoreRequests, reasonsOf } =
  createCodeSource(service)

const recipientOf = async (challengeId: string) => {
  const [event] = await sent(challengeId)
  return service.openAddress(challengeId, event?.data.recipient ?? '')
}

t.test('a restore of a known address is recorded, and its code handed to the notifier untouched', async (t) => {
  const customer = await service.customer({ phones: ['+447700900001'] })
  const challengeId = await requestRestore((customer.addresses[0] ?? '').toUpperCase())
  const [event, ...more] = await sent(challengeId)
  t.same(more, [])
  t.match(event, {
    id: `${challengeId}.1`,
    messageId: `${challengeId}.1`,
    type: 'notify.code',
    source: 'password-service',
    data: { challengeId, purpose: 'restore', code: sealedCode, verificationCode: '7024' },
  })
  t.same(await recipientOf(challengeId), {
    channel: 'email',
    to: customer.addresses[0],
    locale: 'en-GB',
    timezone: 'Europe/London',
  })
  const [request] = await restoreRequests(challengeId)
  t.match(request, { customer_id: customer.id })
  t.ok(request?.expires_at.getTime() > clock.now().getTime() + 1_200_000, 'until code and grant have both expired')
  const toPhone = await requestRestore('+447700900001')
  t.match(await recipientOf(toPhone), { channel: 'sms', to: '+447700900001' })
})

t.test('S12: what is done for a customer begins after the answer to whoever asked has left', async (t) => {
  const { addresses } = await service.customer()
  const askedMs = performance.now()
  await sent(await requestRestore(addresses[0] ?? ''))
  const ms = performance.now() - askedMs
  t.ok(ms >= afterAnswer.shortestMs, `the code was handed on after ${ms} ms`)
})

t.test('an event that is delivered twice inserts once and publishes the same id', async (t) => {
  const { addresses } = await service.customer()
  const challengeId = await requestRestore(addresses[0] ?? '')
  await sent(challengeId)
  await requestRestore(addresses[0] ?? '', { challengeId })
  await everythingHandled()
  t.equal((await restoreRequests(challengeId)).length, 1)
  t.equal((await service.events('NOTIFY', challengeId)).length, 1)
})

t.test('a resend of the same challenge goes out as another message', async (t) => {
  const { addresses } = await service.customer()
  const challengeId = await requestRestore(addresses[0] ?? '')
  await requestRestore(addresses[0] ?? '', { challengeId, sendNumber: 2 })
  await eventually(async () => (await service.events('NOTIFY', challengeId)).length === 2)
  t.equal((await restoreRequests(challengeId)).length, 1)
})

t.test(
  'S11: unknown, blocked and unconfirmed addresses get nothing, and so does a code that has expired',
  async (t) => {
    const blocked = await service.customer({ status: 'blocked' })
    const { addresses } = await service.customer({ unconfirmed: ['unconfirmed@example.com'] })
    const expiresAt = new Date(clock.now().getTime() - 1).toISOString()
    const challenges = await Promise.all([
      requestRestore('nobody@example.com'),
      requestRestore('unconfirmed@example.com'),
      requestRestore(blocked.addresses[0] ?? ''),
      requestRestore(addresses[0] ?? '', { expiresAt }),
      issueChallenge('nobody', 'oob:email'),
      issueChallenge(blocked.code, 'oob:email'),
    ])
    await everythingHandled()
    for (const challengeId of challenges) {
      t.same(await service.events('NOTIFY', challengeId), [])
      t.same(await restoreRequests(challengeId), [])
    }
    t.same(
      challenges.map(reasonsOf),
      [
        ['info: unknown or blocked'],
        ['info: unknown or blocked'],
        ['info: unknown or blocked'],
        ['info: expired'],
        ['info: unknown or blocked'],
        ['info: unknown or blocked'],
      ],
      'operators are told, by the challenge alone',
    )
    t.notMatch(service.logs(), /nobody|@example\.com/)
  },
)

t.test('S6 S7 a code that the gateway withholds is sent to nobody, and its challenge is nobody’s', async (t) => {
  const { addresses } = await service.customer()
  const [email = ''] = addresses
  const [limit, budget] = await Promise.all([
    requestRestore(email, { withheld: 'limit' }),
    requestRestore(email, { withheld: 'budget' }),
  ])
  await everythingHandled()
  for (const challengeId of [limit, budget]) {
    t.same(await service.events('NOTIFY', challengeId), [])
    t.same(await restoreRequests(challengeId), [])
  }
  t.same([limit, budget].map(reasonsOf), [['info: limit'], ['info: budget']])
  const counted = await service.metrics.getSingleMetricAsString('rekey_codes_not_sent_total')
  t.match(counted, /\{reason="budget"\} 1$/m)
  t.match(counted, /\{reason="limit"\} 1$/m)
  await sent(await requestRestore(email))
})

t.test('S7 a customer is sent ten codes an hour, however many addresses ask at the same time', async (t) => {
  const customer = await service.customer({ phones: ['+447700900557'] })
  const [email = '', phone = ''] = customer.addresses
  const challenges = await race(30, (index) => requestRestore(index % 2 ? email : phone))
  await everythingHandled()
  const sends = await query<{ challenge_id: string }>('SELECT * FROM restore_send WHERE customer_id = $1', [
    customer.id,
  ])
  t.equal(sends.length, 10)
  const withheld = challenges.filter((challengeId) => !sends.some((send) => send.challenge_id === challengeId))
  for (const challengeId of withheld) {
    t.same(reasonsOf(challengeId), ['info: limit'])
    t.same(await restoreRequests(challengeId), [])
    t.same(await service.events('NOTIFY', challengeId), [])
  }
  const [first] = sends
  await requestRestore(phone, { challengeId: first?.challenge_id ?? '' })
  await everythingHandled()
  t.same(reasonsOf(first?.challenge_id ?? ''), [], 'one that is delivered again counts once')

  clock.advance(3_600_000)
  await sent(await requestRestore(email))
})

t.test('S7 a code that is sent again counts as one more', async (t) => {
  const { addresses } = await service.customer()
  const [email = ''] = addresses
  const challengeId = await requestRestore(email)
  for (let sendNumber = 2; sendNumber <= 5; sendNumber += 1) await requestRestore(email, { challengeId, sendNumber })
  await race(6, () => requestRestore(email))
  await everythingHandled()
  t.equal(
    (await query('SELECT 1 FROM restore_send s JOIN identifier i USING (customer_id) WHERE value = $1', [email]))
      .length,
    10,
  )
})

t.test('a username that cannot be opened is a dead letter', async (t) => {
  const challengeId = systemRandom.id()
  await requestRestore('x@example.com', {
    challengeId,
    username: await service.sealUsername(systemRandom.id(), 'x@example.com'),
  })
  const [letter] = await eventually(async () => {
    const letters = await service.events('DEAD', challengeId)
    return letters.length > 0 ? letters : undefined
  })
  t.equal(letter?.type, 'auth.restore.requested')
})

t.test('a code for a known customer goes to the device that was chosen', async (t) => {
  const customer = await service.customer({ phones: ['+447700900555'] })
  const [email, sms] = await Promise.all([
    issueChallenge(customer.code, 'oob:email'),
    issueChallenge(customer.code, customer.devices[1] ?? '', { purpose: 'change' }),
  ])
  t.match(await recipientOf(email), { channel: 'email', to: customer.addresses[0] })
  t.match(await recipientOf(sms), { channel: 'sms', to: '+447700900555' })
  const phoneOnly = await service.customer({ emails: [], phones: ['+447700900556'] })
  t.match(await recipientOf(await issueChallenge(phoneOnly.code, 'oob:email')), { to: '+447700900556' })
})

t.test('of two addresses that look alike the older one gets the code', async (t) => {
  const customer = await service.customer({ emails: ['bill1@example.com', 'bob1@example.com'] })
  t.match(await recipientOf(await issueChallenge(customer.code, 'oob:email:b*1@example.com')), {
    to: 'bill1@example.com',
  })
})

t.test('S9: the code, sealed or not, is nowhere in the database', async (t) => {
  await everythingHandled()
  for (const table of ['restore_request', 'restore_send', 'outbox', 'spent_token', 'password_change']) {
    const rows = await query(`SELECT * FROM ${table}`)
    t.notOk(JSON.stringify(rows).includes('planted'), table)
  }
  t.notOk(service.logs().includes('planted'), 'nor in the log')
})
