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

t.test('a restore of a known address is recorded, and its sealed code is published for the notifier', async (t) => {
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

t.test('S12: work for a customer begins after the HTTP answer has left', async (t) => {
  const { addresses } = await service.customer()
  const askedMs = performance.now()
  await sent(await requestRestore(addresses[0] ?? ''))
  const ms = performance.now() - askedMs
  t.ok(ms >= afterAnswer.shortestMs, `the code was published after ${ms} ms`)
})

t.test('an event that is delivered twice inserts one row and publishes one event', async (t) => {
  const { addresses } = await service.customer()
  const challengeId = await requestRestore(addresses[0] ?? '')
  await sent(challengeId)
  await requestRestore(addresses[0] ?? '', { challengeId })
  await everythingHandled()
  t.equal((await restoreRequests(challengeId)).length, 1)
  t.equal((await service.events('NOTIFY', challengeId)).length, 1)
})

t.test('a resend for the same challenge is a message of its own', async (t) => {
  const { addresses } = await service.customer()
  const challengeId = await requestRestore(addresses[0] ?? '')
  await requestRestore(addresses[0] ?? '', { challengeId, sendNumber: 2 })
  await eventually(async () => (await service.events('NOTIFY', challengeId)).length === 2)
  t.equal((await restoreRequests(challengeId)).length, 1)
})

t.test('S11: no code is sent to an unknown, blocked or unconfirmed address, or after its expiry', async (t) => {
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
    'the log has the reason and the challenge only',
  )
  t.notMatch(service.logs(), /nobody|@example\.com/)
})

t.test('S6 S7: a code that the gateway suppresses is not sent, and its restore is not recorded', async (t) => {
  const { addresses } = await service.customer()
  const [email = ''] = addresses
  const [limit, lockout] = await Promise.all([
    requestRestore(email, { withheld: 'limit' }),
    requestRestore(email, { withheld: 'budget' }),
  ])
  await everythingHandled()
  for (const challengeId of [limit, lockout]) {
    t.same(await service.events('NOTIFY', challengeId), [])
    t.same(await restoreRequests(challengeId), [])
  }
  t.same([limit, lockout].map(reasonsOf), [['info: limit'], ['info: lockout']])
  const counted = await service.metrics.getSingleMetricAsString('rekey_codes_not_sent_total')
  t.match(counted, /\{reason="lockout"\} 1$/m)
  t.match(counted, /\{reason="limit"\} 1$/m)
  await sent(await requestRestore(email))
})

t.test('S7: a customer is sent ten codes an hour, over all addresses, also if requests race', async (t) => {
  const customer = await service.customer({ phones: ['+447700900557'] })
  const [email = '', phone = ''] = customer.addresses
  const challenges = await race(30, (index) => requestRestore(index % 2 ? email : phone))
  await everythingHandled()
  const sends = await query<{ challenge_id: string }>('SELECT * FROM restore_send WHERE customer_id = $1', [
    customer.id,
  ])
  t.equal(sends.length, 10)
  const suppressed = challenges.filter((challengeId) => !sends.some((send) => send.challenge_id === challengeId))
  for (const challengeId of suppressed) {
    t.same(reasonsOf(challengeId), ['info: limit'])
    t.same(await restoreRequests(challengeId), [])
    t.same(await service.events('NOTIFY', challengeId), [])
  }
  const [first] = sends
  await requestRestore(phone, { challengeId: first?.challenge_id ?? '' })
  await everythingHandled()
  t.same(reasonsOf(first?.challenge_id ?? ''), [], 'a redelivered request counts once')

  clock.advance(3_600_000)
  await sent(await requestRestore(email))
})

t.test('S7: a resend counts against the quota', async (t) => {
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

t.test('a username that cannot be unsealed makes the event a dead letter', async (t) => {
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

t.test('an event that Postgres refuses is the only dead letter of its batch', async (t) => {
  const customers = await Promise.all(Array.from({ length: 8 }, () => service.customer()))
  const refused = systemRandom.id()
  const [, ...challenges] = await Promise.all([
    requestRestore('x@example.com', { challengeId: refused, knownNetwork: '\u0000' }),
    ...customers.map(({ addresses }) => requestRestore(addresses[0] ?? '')),
  ])
  await everythingHandled()
  for (const challengeId of challenges) t.equal((await service.events('NOTIFY', challengeId)).length, 1)
  t.equal((await service.events('DEAD', refused)).length, 1)
  t.same(await service.events('NOTIFY', refused), [])
})

t.test('the code of a sign-in or change goes to the chosen device', async (t) => {
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

t.test('of two addresses with the same mask the older one gets the code', async (t) => {
  const customer = await service.customer({ emails: ['bill1@example.com', 'bob1@example.com'] })
  t.match(await recipientOf(await issueChallenge(customer.code, 'oob:email:b*1@example.com')), {
    to: 'bill1@example.com',
  })
})

t.test('S9: the code, sealed or not, is neither in the database nor in the log', async (t) => {
  await everythingHandled()
  for (const table of ['restore_request', 'restore_send', 'outbox', 'spent_token', 'password_change']) {
    const rows = await query(`SELECT * FROM ${table}`)
    t.notOk(JSON.stringify(rows).includes('planted'), table)
  }
  t.notOk(service.logs().includes('planted'), 'nor in the log')
})
