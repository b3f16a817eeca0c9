import { PasswordVerify, RaiseSessionEpoch, SessionRevoked, scopes, sessionEpochAt } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { openLoops } from '../loops.fixture.ts'
import { deleteExpiredSessions } from './sessions.store.ts'

const service = await startPasswordService(t)
const { http, bearer, grant, query, clock } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const password = 'Qwerty123'
const changesUrl = '/api/v2/my/password/changes'
const statusWith = async (authorization: string) => (await http.get(changesUrl, { authorization })).status

/** A session with this epoch: its access token and success tokens. */
const session = ({ code }: Customer, epoch: number) => {
  const claims = { sid: systemRandom.id(), session_epoch: epoch }
  return {
    ...claims,
    bearer: bearer(code, scopes.full, claims),
    grant: () => grant('change', code, claims),
  }
}
type Session = ReturnType<typeof session>
const change = ({ bearer: authorization }: Session, successToken: string, body: object = { password }) =>
  http.post('/api/v2/my/password/change', body, { authorization, successToken })

const revoke = (sessionId: string, subject = 'somebody') =>
  service.publisher.publish(SessionRevoked, {
    id: systemRandom.id(),
    subject,
    data: { sessionId, subject, clientId: 'ib_localhost', reason: 'revoked' },
  })
const isRevoked = (sid: string) =>
  eventually(async () => (await query('SELECT 1 FROM revoked_session WHERE sid = $1', [sid])).length > 0)

const epochOf = async ({ id }: Customer): Promise<number> => {
  const rows = await query<{ epoch: number }>('SELECT session_epoch AS epoch FROM customer WHERE id = $1', [id])
  return rows[0]?.epoch ?? Number.NaN
}
/** A session that begins now. */
const newSession = async (customer: Customer) => session(customer, await epochOf(customer))

t.test('S21: a change ends every other session at once, and keeps its own', async (t) => {
  const customer = await service.customer()
  const [mine, other] = [session(customer, 0), session(customer, 0)]
  t.same([await statusWith(mine.bearer), await statusWith(other.bearer)], [200, 200])

  t.equal((await change(mine, mine.grant())).status, 204)
  const refused = await http.get(changesUrl, { authorization: other.bearer })
  t.equal(refused.status, 401)
  t.equal(refused.body.code, 'invalid_token')
  t.match(refused.headers.get('www-authenticate'), /error="invalid_token"/)
  t.equal(await statusWith(mine.bearer), 200)
  const newer = await newSession(customer)
  t.equal(await statusWith(newer.bearer), 200, 'a sign-in with the new password')

  await service.outboxEmpty()
  const [event] = await service.events('PASSWORD', customer.code)
  t.match(event, { type: 'password.changed', data: { sessionEpoch: newer.session_epoch, keptSession: mine.sid } })

  t.equal((await change(newer, newer.grant())).status, 204)
  t.equal(await statusWith(mine.bearer), 401, 'only the session of the last change is kept')
})

t.test('S21: a restore and a password set by the back office end all sessions', async (t) => {
  const customer = await service.customer()
  const before = session(customer, 0)
  const restored = await http.post(
    '/api/v2/my/password/restore',
    { password },
    { successToken: grant('restore', await service.restoreOf(customer.id)) },
  )
  t.equal(restored.status, 204)
  t.equal(await statusWith(before.bearer), 401)

  const between = await newSession(customer)
  t.equal(await statusWith(between.bearer), 200)
  const set = await http.send(
    'PUT',
    `/api/v2/clients/${customer.id}/password`,
    { 'content-type': 'application/json', authorization: bearer('backend_fin', scopes.backOffice) },
    JSON.stringify({ password: 'Another-1', send_mail: false }),
  )
  t.equal(set.status, 204)
  t.equal(await statusWith(between.bearer), 401)
  await service.outboxEmpty()
  const events = await service.events('PASSWORD', customer.code)
  t.match(events, [
    { data: { sessionEpoch: between.session_epoch } },
    { data: { sessionEpoch: await epochOf(customer) } },
  ])
  t.notOk(events.some(({ data }) => 'keptSession' in data))
})

t.test('S21: the session epoch decides, not the clock of the machine that signed a token', async (t) => {
  const customer = await service.customer()
  const mine = session(customer, 0)
  t.equal((await change(mine, mine.grant())).status, 204)
  const at = (iat: number, epoch: number) =>
    bearer(customer.code, scopes.full, { iat, session_epoch: epoch, sid: systemRandom.id() })
  const seconds = Math.floor(clock.now().getTime() / 1_000)
  t.equal(await statusWith(at(seconds + 30, 0)), 401)
  t.equal(await statusWith(at(seconds - 30, await epochOf(customer))), 200)
})

t.test('S21: a revoked session ends, and no other does', async (t) => {
  const customer = await service.customer()
  const [revoked, other] = [session(customer, 0), session(customer, 0)]
  await revoke(revoked.sid, customer.code)
  await t.resolves(eventually(async () => (await statusWith(revoked.bearer)) === 401, { what: 'a refusal' }))
  t.equal(await statusWith(other.bearer), 200)
})

t.test(
  "S21: a back-office token ends with its session, and a customer's end of sessions does not end it",
  async (t) => {
    const sid = systemRandom.id()
    const authorization = bearer('backend_fin', scopes.backOffice, { sid, session_epoch: undefined })
    const read = async () => (await http.get('/api/v2/clients/2147483647/password/changes', { authorization })).status
    t.equal(await read(), 404)
    await revoke(sid, 'backend_fin')
    await isRevoked(sid)
    t.equal(await read(), 401)
  },
)

t.test(
  'S21: a token without an epoch, of another issuer, ends if it was issued up to the end of sessions',
  async (t) => {
    const customer = await service.customer()
    const mine = session(customer, 0)
    t.equal((await change(mine, mine.grant())).status, 204)
    const [row] = await query<{ at: Date }>('SELECT sessions_ended_at AS at FROM customer WHERE id = $1', [customer.id])
    const ended = Math.floor((row?.at.getTime() ?? 0) / 1_000)
    const at = (iat: number, sid: string = systemRandom.id()) =>
      bearer(customer.code, scopes.full, { iat, sid, session_epoch: undefined })
    t.equal(await statusWith(at(ended - 1)), 401)
    t.equal(await statusWith(at(ended)), 401, 'the same second')
    t.equal(await statusWith(at(ended + 1)), 200)
    t.equal(await statusWith(at(ended - 1, mine.sid)), 200, 'the kept session')
    const refreshed = { iat: ended + 60, auth_time: ended - 1, sid: systemRandom.id(), session_epoch: undefined }
    t.equal(await statusWith(bearer(customer.code, scopes.full, refreshed)), 401, 'S42: refreshed after the end')
  },
)

t.test('S21: a success token of an ended session is refused like any invalid one', async (t) => {
  const customer = await service.customer()
  const [first, second] = [session(customer, 0), session(customer, 0)]
  const held = second.grant()
  t.equal((await change(first, first.grant())).status, 204)
  const answer = await change(await newSession(customer), held)
  t.equal(answer.status, 403)
  t.equal(answer.body.code, 'success_token_refused')
  t.match(service.logged('authn_password_change_fail').at(-1), { reason: 'session ended' })
  t.equal((await change(first, first.grant())).status, 204, 'that of the kept session is accepted')

  const revoked = await newSession(customer)
  const spare = revoked.grant()
  await revoke(revoked.sid, customer.code)
  await isRevoked(revoked.sid)
  t.equal((await change(await newSession(customer), spare)).body.code, 'success_token_refused')
})

t.test('S21: a restore is refused if its session was revoked after a replayed authorization code', async (t) => {
  const customer = await service.customer()
  const sid = systemRandom.id()
  const claims = { sid, session_epoch: undefined }
  const successToken = grant('restore', await service.restoreOf(customer.id), claims)
  await revoke(sid)
  await isRevoked(sid)
  const answer = await http.post('/api/v2/my/password/restore', { password }, { successToken })
  t.equal(answer.status, 403)
  t.equal(answer.body.code, 'success_token_refused')
  t.equal(await epochOf(customer), 0)
})

t.test('S21: a change whose session ends while it runs changes nothing', async (t) => {
  const customer = await service.customer()
  const [username = ''] = customer.addresses
  const thief = session(customer, 0)
  const successToken = thief.grant()
  const holder = new pg.Client(service.variables.DATABASE_URL)
  await holder.connect()
  await holder.query('BEGIN')
  await holder.query('SELECT 1 FROM customer WHERE id = $1 FOR UPDATE', [customer.id])
  const changing = change(thief, successToken, { password: 'the thief’s' })
  await eventually(async () => {
    const waiting = await query(`SELECT 1 FROM pg_stat_activity
                                 WHERE datname = current_database() AND wait_event_type = 'Lock'`)
    return waiting.length > 0
  })
  await holder.query('UPDATE customer SET session_epoch = 1 WHERE id = $1', [customer.id])
  await holder.query('COMMIT')
  await holder.end()
  const answer = await changing
  t.equal(answer.status, 401)
  t.equal(answer.body.code, 'invalid_token')
  t.equal(await epochOf(customer), 1)
  t.same(await query('SELECT 1 FROM password_change WHERE customer_id = $1', [customer.id]), [])
  t.match(await callRpc(service.broker, PasswordVerify, { username, password: 'the thief’s' }), { verified: false })
})

t.test('a duplicate revocation is stored once, and deleted after every token has expired', async (t) => {
  const sid = systemRandom.id()
  await revoke(sid)
  await isRevoked(sid)
  const untilOf = async () =>
    (await query<{ until: Date }>('SELECT expires_at AS until FROM revoked_session WHERE sid = $1', [sid]))[0]?.until
  const first = (await untilOf())?.getTime() ?? 0
  t.ok(first > clock.now().getTime() + 3_600_000)
  clock.advance(60_000)
  await revoke(sid)
  await eventually(async () => ((await untilOf())?.getTime() ?? 0) > first)
  t.equal((await query('SELECT 1 FROM revoked_session WHERE sid = $1', [sid])).length, 1)

  const deleteExpired = deleteExpiredSessions(openLoops(t, service.variables.DATABASE_URL))
  await deleteExpired(clock.now(), 500)
  t.ok(await untilOf(), 'not before its expiry')
  await deleteExpired(new Date(first + 120_000), 500)
  t.equal(await untilOf(), undefined)
})

t.test('S21: an epoch is never given twice, also by a Postgres that was restored from an older copy', async (t) => {
  const customer = await service.customer()
  const epochs = [await epochOf(customer)]
  const changeOnce = async () => {
    t.equal((await service.change(customer)).status, 204)
    epochs.push(await epochOf(customer))
  }
  await changeOnce()
  // Several in one second.
  for (let count = 0; count < 3; count += 1) await changeOnce()
  const copied = await epochOf(customer)
  await changeOnce()
  // The copy is restored later than the last change by more than clocks differ.
  clock.advance(10_000)
  await query('UPDATE customer SET session_epoch = $2 WHERE id = $1', [customer.id, copied])
  await changeOnce()
  t.same(
    epochs,
    epochs.toSorted((one, other) => one - other),
    'they rise',
  )
  t.equal(new Set(epochs).size, epochs.length)
})

t.test(
  'S47: an epoch is raised for the gateway only while it is that of the verified password, and plausible',
  async (t) => {
    const customer = await service.customer()
    const now = sessionEpochAt(clock.now())
    const raise = async (verifiedEpoch: number, gatewayEpoch: number) =>
      (await callRpc(service.broker, RaiseSessionEpoch, { customer: customer.code, verifiedEpoch, gatewayEpoch }))
        .raised
    t.notOk(await raise(0, 2_147_483_647), 'beyond the clock')
    t.notOk(await raise(1, now), 'another epoch')
    t.notOk(await raise(0, 0), 'no higher epoch')
    t.equal(await epochOf(customer), 0)
    t.ok(await raise(0, now))
    t.equal(await epochOf(customer), now)
    t.notOk(await raise(0, now), 'sessions ended since')
  },
)
