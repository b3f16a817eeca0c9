import { http as routes, scopes } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { createHttp } from '@rekey/test-support/http'
import { startIssuer } from '@rekey/test-support/issuer'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'
import { verifyHistory } from '../history/verification.ts'

// Every route of the back office, with four eyes and without: the list comes from the contracts, so that a new route has
// to be classified here.

const provider = await startIssuer(t)
const audience = 'https://rekey.example'
const staffAudience = 'https://staff.rekey.example'
const service = await startPasswordService(t, {
  env: {
    REKEY_BACK_OFFICE_FOUR_EYES: 'true',
    REKEY_IDP_ISSUER: provider.url,
    REKEY_IDP_AUDIENCE: audience,
    REKEY_IDP_STAFF_AUDIENCE: staffAudience,
    REKEY_IDP_JWKS_URL: provider.url,
  },
})
const { query, clock } = service
const alone = createHttp((await service.startAnother({ REKEY_BACK_OFFICE_FOUR_EYES: 'false' })).url, {
  isPatient: true,
})
const pair = service.http
type Customer = Awaited<ReturnType<typeof service.customer>>

/** A token that the gateway issued to a client of the back office. */
const ofClient = (client: string, owner?: string) => () =>
  service.bearer(client, scopes.backOffice, { client_id: client, session_epoch: undefined, ...(owner && { owner }) })

/** A token of the identity provider for a person, or for a client itself. */
const ofProvider = (sub: string, client: string) => () => {
  const iat = Math.floor(clock.now().getTime() / 1_000)
  const claims = { iss: provider.url, aud: staffAudience, sub, azp: client, scope: scopes.backOffice }
  return `Bearer ${provider.token({ ...claims, jti: systemRandom.id(), iat, exp: iat + 600 })}`
}

const alice = {
  'a client': ofClient('desk_1', 'alice'),
  'another client of the same owner': ofClient('desk_2', 'alice'),
  'the person’s own token': ofProvider('alice', 'portal'),
  'the person’s own token through one of the clients': ofProvider('alice', 'desk_1'),
}
const bob = { 'another owner’s client': ofClient('desk_3', 'bob'), 'another person': ofProvider('bob', 'portal') }
const unknown = {
  'a client without an owner': ofClient('desk_4'),
  'a client’s own token of the identity provider': ofProvider('service', 'service'),
}

interface Weakening {
  body?: object
  /** History, event and notification that the action leaves. */
  operation: string
  event: string
  notification: string
}

const setPassword = { operation: 'set', event: 'password.set', notification: 'notify.password-changed' }
const reset = {
  operation: 'reset',
  event: 'password.reset-requested',
  notification: 'notify.reset-requested',
  body: { reason: 'a reason' },
}

/** Actions that weaken a customer's protection: each needs two owners, and leaves a record, an event and a notification. */
const weakening: Record<string, Weakening> = {
  'PUT /api/v2/clients/:clientId/password': { ...setPassword, body: { password: 'Qwerty123', send_mail: false } },
  'PATCH /api/v2/clients/:clientId/password': {
    ...setPassword,
    body: { password: 'Qwerty123', send_mail: true, reason: 'a reason' },
  },
  'POST /api/v2/clients/:clientId/reset-password': reset,
  'POST /api/v2/clients/reset-password': reset,
  'DELETE /api/v2/clients/:clientId/hold': {
    operation: 'end_hold',
    event: 'account.hold-ended',
    notification: 'notify.protection-changed',
  },
  'DELETE /api/v2/clients/:clientId/factors': {
    operation: 'reset_factors',
    event: 'customer.factors-reset',
    notification: 'notify.factors-changed',
  },
  'DELETE /api/v2/clients/:clientId/block': {
    operation: 'lift_block',
    event: 'account.block-lifted',
    notification: 'notify.protection-changed',
  },
}

/** Actions that protect a customer or change none: they need no second person. */
const others = [
  'PUT /api/v2/clients/:clientId/block',
  'POST /api/v2/jobs/:jobId/cancel',
  'POST /api/v2/approvals/:approvalId/approve',
  'POST /api/v2/approvals/:approvalId/reject',
  'DELETE /api/v2/clients/:clientId/sessions',
  'GET /api/v2/approvals',
  'GET /api/v2/clients',
  'GET /api/v2/clients/:clientId',
  'GET /api/v2/clients/:clientId/factors',
  'GET /api/v2/clients/:clientId/messages',
  'GET /api/v2/clients/:clientId/sessions',
  'GET /api/v2/clients/:clientId/verifications',
  'GET /api/v2/clients/:clientId/waiting-restore',
  // It protects the customer.
  'POST /api/v2/clients/:clientId/waiting-restore/veto',
  // It needs a second person also without four eyes: end-of-wait-rights.test.ts.
  'POST /api/v2/clients/:clientId/waiting-restore/end-wait',
  'POST /api/v2/clients/:clientId/verifications',
  'POST /api/v2/clients/:clientId/verifications/:verificationId',
  'GET /api/v2/approvals/:approvalId',
  'GET /api/v2/jobs',
  'GET /api/v2/jobs/:jobId',
  'GET /api/v2/clients/:clientId/password/changes',
  'GET /api/v2/clients/:clientId/password/changes/:changeId',
  'GET /api/v2/clients/:clientId/records',
  'GET /api/v2/clients/:clientId/records/:recordId',
]

const send = (http: typeof pair, method: string, path: string, authorization: string, body?: object) =>
  http.send<Record<string, string>>(
    method,
    path,
    { authorization, ...(body && { 'content-type': 'application/json' }) },
    body && JSON.stringify(body),
  )

const request = (http: typeof pair, route: string, { id }: Customer, authorization: string) => {
  const [method = '', path = ''] = route.split(' ')
  return send(http, method, path.replace(':clientId', String(id)), authorization, weakening[route]?.body)
}

const decide = (approvalId = '', decision: string, authorization: string) =>
  send(pair, 'POST', `/api/v2/approvals/${approvalId}/${decision}`, authorization)

/** Everything about a customer that an action of the back office may change. */
const stateOf = ({ id }: Customer) =>
  query(
    `SELECT c.status, c.hold_until, c.session_epoch, c.forgiven_at, k.hash, k.must_change, k.temporary_until,
            (SELECT count(*) FROM password_change WHERE customer_id = c.id) AS records
     FROM customer c LEFT JOIN credential k ON k.customer_id = c.id WHERE c.id = $1`,
    [id],
  )

/** A blocked customer with a recovery hold and a second factor: each action has something to do. */
const protectedCustomer = async () => {
  const customer = await service.customer({ phones: [`+4477${Math.random().toString().slice(2, 10)}`], hash: 'none' })
  const until = new Date(clock.now().getTime() + 3_600_000)
  await query(`UPDATE customer SET status = 'blocked', hold_until = $2 WHERE id = $1`, [customer.id, until])
  await query(
    `INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, created_at, confirmed_at)
     VALUES ($1, $2, 'totp', 'phone', '', '', $3, $3)`,
    [systemRandom.id(), customer.id, clock.now()],
  )
  return customer
}

/** Waits for the job that an answer names. */
const finished = async ({ body }: { body: Record<string, string> }) => {
  if (!body.jobId) return
  const job = `/api/v2/jobs/${body.jobId}`
  await eventually(async () => (await send(pair, 'GET', job, alice['a client']())).body.state === 'done', {
    what: 'the job to be done',
  })
}

const recordsOf = async ({ id }: Customer) => {
  const path = `/api/v2/clients/${id}/records`
  const { body } = await pair.get<{ data: Record<string, unknown>[] }>(path, { authorization: alice['a client']() })
  return body.data
}

/** Asserts the record, the event and the notifications of an action that was carried out. */
const leavesTraces = async (
  t: Test,
  route: string,
  customer: Customer,
  by: { actorId: string; approvedBy?: string },
) => {
  const { operation, event, notification, body = {} } = weakening[route] as Weakening
  const [record] = await recordsOf(customer)
  const reason = 'reason' in body ? { reason: 'a reason' } : {}
  t.match(record, { operation, actor: 'back_office', ...by, ...reason }, `${route}: the record`)
  t.equal('approvedBy' in (record ?? {}), 'approvedBy' in by)
  await service.outboxEmpty()
  const published = (await service.events('PASSWORD', customer.code)).at(-1)
  t.match(published, { type: event, data: { ...by, changeId: record?.id, digest: record?.digest } }, `${route}: event`)
  t.notMatch(JSON.stringify(published), 'a reason', 'the reason is in the record only')
  const sent = (await service.events('NOTIFY', customer.code)).filter(({ type }) => type === notification)
  t.equal(sent.length, 2, `${route}: a notification for each confirmed address`)
}

t.test('S41: every route of the back office is classified', (t) => {
  const needsStaff = Object.entries(routes).flatMap(([route, schema]) =>
    'security' in schema && schema.security.some(({ bearer }) => bearer?.includes(scopes.backOffice)) ? [route] : [],
  )
  t.same(needsStaff.toSorted(), [...Object.keys(weakening), ...others].toSorted())
  t.end()
})

for (const route of Object.keys(weakening)) {
  t.test(`S41: without four eyes, ${route} takes effect at once and leaves its traces`, async (t) => {
    const customer = await protectedCustomer()
    const before = await stateOf(customer)
    const answer = await request(alone, route, customer, unknown['a client without an owner']())
    t.ok(answer.status === 204 || answer.status === 202, answer.text)
    t.notHas(answer.body, 'approvalId')
    await finished(answer)
    t.notSame(await stateOf(customer), before)
    await leavesTraces(t, route, customer, { actorId: 'desk_4' })
  })

  t.test(`S41: with four eyes, ${route} takes effect when another owner approves`, async (t) => {
    for (const [name, maker] of Object.entries(alice)) {
      const customer = await protectedCustomer()
      const before = await stateOf(customer)
      const asked = await request(pair, route, customer, maker())
      t.equal(asked.status, 202, asked.text)
      const { approvalId } = asked.body
      for (const [decider, token] of [...Object.entries(alice), ...Object.entries(unknown)]) {
        for (const decision of ['approve', 'reject']) {
          const code = decider in alice ? 'own_approval' : 'owner_unknown'
          t.match(
            await decide(approvalId, decision, token()),
            { status: 403, body: { code } },
            `${name} asks, ${decider}: ${decision}`,
          )
        }
      }
      t.same(await stateOf(customer), before, 'nothing has changed yet')
      const [approver, token] = Object.entries(bob)[Object.keys(alice).indexOf(name) % 2] ?? []
      const approved = await decide(approvalId, 'approve', token?.() ?? '')
      t.ok(approved.status === 204 || approved.status === 202, approved.text)
      await finished(approved)
      t.notSame(await stateOf(customer), before)
      const actorId = name.startsWith('the person') ? 'alice' : name === 'a client' ? 'desk_1' : 'desk_2'
      const approvedBy = approver === 'another person' ? 'bob' : 'desk_3'
      await leavesTraces(t, route, customer, { actorId, approvedBy })
    }
  })

  t.test(`S41: with four eyes, a client without an owner cannot ask for ${route}`, async (t) => {
    const customer = await protectedCustomer()
    const before = await stateOf(customer)
    for (const token of Object.values(unknown)) {
      t.match(await request(pair, route, customer, token()), { status: 403, body: { code: 'owner_unknown' } })
    }
    t.same(await stateOf(customer), before)
  })
}

t.test('S41: a block waits for no second person', async (t) => {
  const customer = await service.customer()
  const path = `/api/v2/clients/${customer.id}/block`
  const body = { reason: 'a stolen phone' }
  t.equal((await send(pair, 'PUT', path, unknown['a client without an owner'](), body)).status, 204)
  t.match(await stateOf(customer), [{ status: 'blocked' }])
  t.match(await recordsOf(customer), [{ operation: 'block', actorId: 'desk_4', reason: 'a stolen phone' }])
})

t.test('S41: the history of all these actions is valid', async (t) => {
  const { invalid, records } = await verifyHistory(service.variables.DATABASE_URL)
  t.equal(invalid, undefined)
  t.ok(records > 0)
})
