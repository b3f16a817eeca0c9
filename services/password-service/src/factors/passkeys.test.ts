import { type Factor, RequestPasskey } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { createAuthenticator, type Deviation } from '@rekey/test-support/authenticator'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { passkeyOrigin, race, startWithFactors } from './factors.fixture.ts'

const frontEnd = 'https://bank.example'
const service = await startWithFactors(t, { REKEY_PASSKEY_ORIGINS: frontEnd })
const { broker, clock, grant, http, list, query } = service
const { asCustomer, passkeyOptions: options, addPasskey: enrol, enrolPasskey: enrolled } = service
const { requestPasskey: request, verifyPasskey: verify, provePasskey: prove } = service
const origin = passkeyOrigin

type Customer = { id: number; code: string; addresses: string[] }

const listed = async (customer: Customer) =>
  (await http.get<{ data: Factor[] }>('/api/v2/my/factors', asCustomer(customer))).body.data
const lastReason = () => service.logged('authn_factor_proof_fail').at(-1)?.reason
const eventsOf = async (stream: 'PASSWORD' | 'NOTIFY', { code }: Customer, type: string) =>
  (await service.events(stream, code)).filter((event) => event.type?.startsWith(type))

t.test('C4: a passkey is enrolled with one proof for both requests, listed, and told', async (t) => {
  const customer = await service.customer()
  const headers = asCustomer(customer)
  const { status, body } = await options(headers)
  t.equal(status, 200)
  t.match(body, {
    rp: { id: 'localhost', name: 'Rekey' },
    timeout: 600_000,
    excludeCredentials: [],
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    attestation: 'none',
  })
  t.same(
    body.pubKeyCredParams.map(({ alg }) => alg),
    [-8, -7, -257],
  )
  t.notOk(JSON.stringify(body).includes(customer.addresses[0] ?? ''), 'the address is masked')
  const authenticator = createAuthenticator({ origin })
  const made = await enrol(authenticator.create(body), headers)
  t.match(made, { status: 201, body: { kind: 'passkey', label: 'My phone', young: true } })
  t.same(await listed(customer), [made.body])
  t.same(await list(customer.code), { methods: ['passkey'], recoveryCodesLeft: 0 })
  t.match(await enrol(authenticator.create(body), headers), { status: 403, body: { code: 'success_token_refused' } })

  const { body: next } = await options(asCustomer(customer))
  t.match(next.excludeCredentials, [{ id: authenticator.id, type: 'public-key', transports: ['internal'] }])
  t.equal(next.user.id, body.user.id, 'one user handle for all passkeys')
  await eventually(async () => (await eventsOf('NOTIFY', customer, 'notify.factors-changed')).length === 1, {
    what: 'the notification',
  })
  t.match(await eventsOf('PASSWORD', customer, 'customer.factor'), [
    { type: 'customer.factor-added', data: { kind: 'passkey', factorId: made.body.id } },
  ])
  t.match(await eventsOf('NOTIFY', customer, 'notify.factors-changed'), [{ data: { operation: 'passkey_added' } }])
  t.match(service.logged('authn_factor_change').at(-1), { operation: 'passkey_added', customer: customer.code })
})

t.test('S56: every offered kind of key proves, hardware-bound and synced, and is said to the gateway', async (t) => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    for (const isSynced of [false, true]) {
      const customer = await service.customer()
      const { authenticator } = await enrolled(customer, createAuthenticator({ origin, algorithm, isSynced }))
      t.same(await prove(customer, authenticator), { isRight: true, key: isSynced ? 'swk' : 'hwk' }, algorithm)
      t.match(await listed(customer), [{ lastUsedAt: String }])
    }
  }
})

t.test('S56: a credential that is not as it was asked for is not enrolled, and spends nothing', async (t) => {
  const customer = await service.customer()
  const headers = asCustomer(customer)
  const { body } = await options(headers)
  const { body: foreign } = await options(asCustomer(await service.customer()))
  const { body: otherProof } = await options(asCustomer(customer))
  const authenticator = createAuthenticator({ origin })
  const deviations: Deviation[] = [
    { isUserVerified: false },
    { isUserPresent: false },
    { origin: 'https://bank.example.evil.example' },
    { rpId: 'evil.example' },
    { type: 'webauthn.get' },
    { crossOrigin: true },
    { challenge: foreign.challenge },
    { challenge: otherProof.challenge },
    { challenge: 'AAAA' },
  ]
  const refused = { status: 400, body: { code: 'invalid_grant' } }
  for (const deviation of deviations) {
    t.match(await enrol(authenticator.create(body, deviation), headers), refused, JSON.stringify(deviation))
  }
  const weak = createAuthenticator({ origin, algorithm: 'ES512' })
  t.match(await enrol(weak.create(body), headers), refused, 'a key of a kind that was not offered')
  const { response, ...rest } = authenticator.create(body)
  for (const attestationObject of ['AAAA', 'oA', response.attestationObject.slice(0, 200)]) {
    t.match(await enrol({ ...rest, response: { ...response, attestationObject } }, headers), refused)
  }
  t.match(await enrol({ ...authenticator.create(body), id: 'AAAA', rawId: 'AAAA' }, headers), refused)
  t.same(await listed(customer), [])
  t.equal((await enrol(authenticator.create(body, { origin: frontEnd }), headers)).status, 201, 'a further origin')
})

t.test('S56: a challenge of an enrolment is right for ten minutes', async (t) => {
  const customer = await service.customer()
  const { body } = await options(asCustomer(customer))
  clock.advance(601_000)
  const late = await enrol(createAuthenticator({ origin }).create(body), asCustomer(customer))
  t.match(late, { status: 400, body: { code: 'invalid_grant' } })
})

t.test('S57: without a fresh proof no passkey is asked for or enrolled', async (t) => {
  const customer = await service.customer()
  const { body } = await options(asCustomer(customer))
  for (const successToken of [grant('change', customer.code), grant('changeFactors', 'another'), 'x']) {
    const headers = asCustomer(customer, successToken)
    t.match(await options(headers), { status: 403, body: { code: 'success_token_refused' } })
    const answer = await enrol(createAuthenticator({ origin }).create(body), headers)
    t.match(answer, { status: 403, body: { code: 'success_token_refused' } })
  }
})

t.test('S57: of parallel enrolments with one proof one is made, and a credential is enrolled once', async (t) => {
  const customer = await service.customer()
  const headers = asCustomer(customer)
  const { body } = await options(headers)
  const made = createAuthenticator({ origin }).create(body)
  const answers = await Promise.all(Array.from({ length: 8 }, () => enrol(made, headers)))
  t.same(answers.map(({ status }) => status).toSorted(), [201, ...Array.from({ length: 7 }, () => 403)])

  const { authenticator } = await enrolled(await service.customer())
  const other = asCustomer(customer)
  const { body: again } = await options(other)
  t.match(await enrol(authenticator.create(again), other), { status: 400, body: { code: 'invalid_request' } })
  t.equal((await listed(customer)).length, 1)
})

t.test('C4: a customer has ten passkeys at most', async (t) => {
  const customer = await service.customer()
  for (let count = 0; count < 10; count += 1) await enrolled(customer)
  t.match(await options(asCustomer(customer)), { status: 400, body: { detail: /10 passkeys/ } })
})

t.test(
  'S56: an assertion is refused without user verification, from another page, and for another challenge',
  async (t) => {
    const customer = await service.customer()
    const { authenticator } = await enrolled(customer)
    const other = await service.customer()
    await enrolled(other)
    const { publicKey: foreign } = await request(other)
    const { publicKey: otherProof } = await request(customer)
    const { body: creation } = await options(asCustomer(customer))
    const cases: [Deviation, reason: string][] = [
      [{ isUserVerified: false }, 'unverified'],
      [{ isUserPresent: false }, 'wrong'],
      [{ origin: 'https://bank.example.evil.example' }, 'other_origin'],
      [{ origin: 'http://bank.example' }, 'other_origin'],
      [{ crossOrigin: true }, 'other_origin'],
      [{ rpId: 'evil.example' }, 'wrong'],
      [{ type: 'webauthn.create' }, 'wrong'],
      [{ challenge: foreign.challenge }, 'wrong'],
      [{ challenge: otherProof.challenge }, 'wrong'],
      [{ challenge: creation.challenge }, 'wrong'],
      [{ challenge: 'AAAA' }, 'wrong'],
      [{ isForged: true }, 'wrong'],
      [{ userHandle: 'AAAA' }, 'wrong'],
      [{ isBackupEligible: true }, 'wrong'],
    ]
    for (const [deviation, reason] of cases) {
      t.same(await prove(customer, authenticator, deviation), { isRight: false }, JSON.stringify(deviation))
      t.equal(lastReason(), reason, JSON.stringify(deviation))
    }
    t.match(await prove(customer, authenticator, { origin: frontEnd }), { isRight: true })
  },
)

t.test('S56: an assertion is right for ten minutes, and once under any race', async (t) => {
  const customer = await service.customer()
  const { authenticator } = await enrolled(customer)
  const first = await request(customer)
  const assertion = authenticator.get(first.publicKey)
  const submit = async () => (await verify(customer, first.challengeId, assertion)).isRight
  await race(t, Array.from({ length: 20 }, submit))
  t.same(await verify(customer, first.challengeId, assertion), { isRight: false })
  t.equal(lastReason(), 'used')
  t.equal((await listed(customer)).length, 1, 'a repeated assertion is no clone')

  const late = await request(customer)
  clock.advance(601_000)
  t.same(await verify(customer, late.challengeId, authenticator.get(late.publicKey)), { isRight: false })
  t.equal(lastReason(), 'late')
})

t.test('S56: a passkey of another customer, and one of an unknown customer, proves nothing', async (t) => {
  const [one, two] = [await service.customer(), await service.customer()]
  const { authenticator } = await enrolled(one)
  await enrolled(two)
  t.same(await prove(two, authenticator), { isRight: false })
  t.equal(lastReason(), 'not_enrolled')
  const stranger = { ...one, code: 'nobody' }
  t.same(await callRpc(broker, RequestPasskey, { customer: 'nobody', challengeId: systemRandom.id() }), {})
  const { publicKey, challengeId } = await request(one)
  t.same(await verify(stranger, challengeId, authenticator.get(publicKey)), { isRight: false })
})

t.test('S56: a counter that goes back ends a device-bound passkey, is published and told', async (t) => {
  const customer = await service.customer()
  const { authenticator, factor } = await enrolled(customer, createAuthenticator({ origin, counter: 10 }))
  t.match(await prove(customer, authenticator, { counter: 20 }), { isRight: true })
  t.same(await prove(customer, authenticator, { counter: 20 }), { isRight: false })
  t.equal(lastReason(), 'cloned')
  t.same(await listed(customer), [])
  t.same(await list(customer.code), { methods: [], recoveryCodesLeft: 0 })
  t.same(await query('SELECT 1 FROM passkey WHERE factor_id = $1', [factor.id]), [], 'its credential is gone')
  await eventually(async () => (await eventsOf('NOTIFY', customer, 'notify.factors-changed')).length === 2, {
    what: 'the notification',
  })
  t.match((await eventsOf('PASSWORD', customer, 'customer.factor-removed'))[0], {
    data: { factorId: factor.id, kind: 'passkey', actor: 'system', reason: 'cloned', ip: '203.0.113.7' },
  })
  const [, told] = await eventsOf('NOTIFY', customer, 'notify.factors-changed')
  t.match(told, { data: { operation: 'passkey_cloned', reportLink: String } })
})

t.test('S56: of parallel assertions with one counter one is right, and the passkey ends once', async (t) => {
  const customer = await service.customer()
  const { authenticator } = await enrolled(customer)
  const requests = await Promise.all(Array.from({ length: 6 }, () => request(customer)))
  await race(
    t,
    requests.map(async ({ publicKey, challengeId }) => {
      const assertion = authenticator.get(publicKey, { counter: 50 })
      return (await verify(customer, challengeId, assertion)).isRight
    }),
  )
  await eventually(async () => (await eventsOf('PASSWORD', customer, 'customer.factor-removed')).length > 0, {
    what: 'the event',
  })
  t.equal((await eventsOf('PASSWORD', customer, 'customer.factor-removed')).length, 1)
})

t.test('the counter of a synced passkey, and one that stays 0, is not judged', async (t) => {
  const synced = await service.customer()
  const manager = await enrolled(synced, createAuthenticator({ origin, isSynced: true }))
  for (const counter of [9, 3, 0, 3]) {
    t.match(await prove(synced, manager.authenticator, { counter }), { isRight: true }, `${counter}`)
  }
  const zero = await service.customer()
  const { authenticator } = await enrolled(zero, createAuthenticator({ origin, counter: 0 }))
  for (const _ of [1, 2]) t.match(await prove(zero, authenticator), { isRight: true })
})

t.test('C6: a removed passkey proves nothing any more, also with a challenge from before', async (t) => {
  const customer = await service.customer()
  const { authenticator, factor } = await enrolled(customer)
  const { publicKey, challengeId } = await request(customer)
  const removed = await http.send('DELETE', `/api/v2/my/factors/${factor.id}`, asCustomer(customer))
  t.equal(removed.status, 204)
  t.same(await verify(customer, challengeId, authenticator.get(publicKey)), { isRight: false })
  t.match(service.logged('authn_factor_change').at(-1), { operation: 'passkey_removed' })
})

t.test('a public key that was moved to another passkey proves nothing', async (t) => {
  const [one, two] = [await service.customer(), await service.customer()]
  const { factor } = await enrolled(one)
  const other = await enrolled(two)
  await query('UPDATE factor SET sealed_secret = (SELECT sealed_secret FROM factor WHERE id = $1) WHERE id = $2', [
    factor.id,
    other.factor.id,
  ])
  await t.rejects(prove(two, other.authenticator))
})
