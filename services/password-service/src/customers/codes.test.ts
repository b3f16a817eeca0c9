import { ChallengeIssued, type EventData, RestoreRequested } from '@rekey/contracts'
import { hashForLog } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/testing/eventually'
import { startPasswordService } from '@rekey/testing/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { query, publisher, clock } = service

/** Sealed for the notifier: nothing that this service could open. */
const sealedCode = 'eyJhbGciOiJkaXIifQ..planted.code.xyz'

const codeMade = (challengeId: string) => ({
  challengeId,
  sendNumber: 1,
  clientId: 'ib_localhost',
  code: sealedCode,
  verificationCode: '7024',
  ip: '203.0.113.7',
  expiresAt: new Date(clock.now().getTime() + 600_000).toISOString(),
})

const requestRestore = async (
  username: string,
  {
    challengeId = systemRandom.id(),
    eventId = systemRandom.id(),
    ...more
  }: Partial<EventData<typeof RestoreRequested>> & { eventId?: string } = {},
) => {
  await publisher.publish(RestoreRequested, {
    id: eventId,
    subject: challengeId,
    data: {
      ...codeMade(challengeId),
      username: await service.sealUsername(challengeId, username),
      ...more,
    },
  })
  return challengeId
}

const issueChallenge = async (customer: string, device: string, more: object = {}) => {
  const challengeId = systemRandom.id()
  await publisher.publish(ChallengeIssued, {
    subject: challengeId,
    data: { ...codeMade(challengeId), purpose: 'login', customer, device, ...more },
  })
  return challengeId
}

const sent = (challengeId: string) =>
  eventually(
    async () => {
      const events = await service.events('NOTIFY', challengeId)
      return events.length > 0 ? events : undefined
    },
    { what: 'the code to be handed on' },
  )
const recipientOf = async (challengeId: string) => {
  const [event] = await sent(challengeId)
  return service.openAddress(challengeId, event?.data.recipient ?? '')
}
const restoreRequests = (challengeId: string) =>
  query('SELECT * FROM restore_request WHERE challenge_id = $1', [challengeId])

/** Events of one consumer are taken in order: what came before this one has been dealt with. */
const everythingHandled = async () => {
  const { addresses } = await service.customer()
  await sent(await requestRestore(addresses[0] ?? ''))
  const { consumers } = await service.broker.connection().jetstreamManager()
  await eventually(
    async () => {
      const all = await consumers.list('AUTH').next()
      return all.every((consumer) => consumer.num_ack_pending === 0 && consumer.num_pending === 0)
    },
    { what: 'every event to be acknowledged' },
  )
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
      challenges.map((challengeId) => {
        const challenge = hashForLog(challengeId)
        return service
          .logged('code_not_sent')
          .filter((line) => line.challenge === challenge)
          .map(({ severity, reason }) => `${severity}: ${reason}`)
      }),
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
  for (const table of ['restore_request', 'outbox', 'spent_token', 'password_change']) {
    const rows = await query(`SELECT * FROM ${table}`)
    t.notOk(JSON.stringify(rows).includes('planted'), table)
  }
  t.notOk(service.logs().includes('planted'), 'nor in the log')
})
