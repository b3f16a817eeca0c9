import { MessageOutcome, scopes } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { createCodeSource } from '../codes/codes.fixture.ts'

const service = await startPasswordService(t)
const { http, bearer, query, clock } = service
const codes = createCodeSource(service)
const json = { 'content-type': 'application/json' }
const authorization = () => bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' })
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/

interface Listed {
  total: number
  data: Record<string, unknown>[]
}
const list = async (customerId: number, page = '') =>
  (await http.get<Listed>(`/api/v2/clients/${customerId}/messages${page}`, { authorization: authorization() })).body

const listed = (customerId: number, count: number) =>
  eventually(
    async () => {
      const found = await list(customerId)
      return found.total >= count ? found : undefined
    },
    { what: `${count} messages in the log` },
  )

t.test('B13: a code is in the log before anything became of it', async (t) => {
  const customer = await service.customer({ emails: ['log-1@example.com'], phones: ['+447700900701'] })
  await codes.requestRestore('Log-1@Example.com')
  await codes.issueChallenge(customer.code, 'oob:sms:+44*******01')
  const { total, data } = await listed(customer.id, 2)
  t.equal(total, 2)
  const [login, restore] = data.toSorted((one, other) => String(one.purpose).localeCompare(String(other.purpose)))
  t.match(restore, { id: Number, kind: 'code', purpose: 'restore', channel: 'email', to: 'l*1@example.com' })
  t.match(restore, { askedAt: time, status: 'waiting', attempts: 0 })
  t.match(login, { kind: 'code', purpose: 'login', channel: 'sms', to: '+44*******01', status: 'waiting' })
  t.same(Object.keys(restore ?? {}), ['id', 'kind', 'purpose', 'channel', 'to', 'askedAt', 'status', 'attempts'])
})

t.test('B13: each notification and temporary password is in the log, of every event of the stream', async (t) => {
  const customer = await service.customer({ emails: ['log-2@example.com'] })
  const path = `/api/v2/clients/${customer.id}`
  const staff = { authorization: authorization(), ...json }
  await http.send('PUT', `${path}/password`, staff, '{"password":"Another-1","send_mail":true}')
  await http.send('POST', `${path}/reset-password`, staff, '{"reason":"a lost phone"}')
  await http.send('PUT', `${path}/block`, staff, '{"reason":"a lost phone"}')
  const { data } = await listed(customer.id, 4)
  t.same(data.map(({ kind, purpose, to, status }) => [kind, purpose, to, status].join(' ')).toSorted(), [
    'notification password_changed l*2@example.com waiting',
    'notification protection_changed l*2@example.com waiting',
    'notification reset_requested l*2@example.com waiting',
    'temporary_password set l*2@example.com waiting',
  ])
  const [unlogged] = await query<{ count: number }>(
    `SELECT count(*)::int AS count FROM outbox WHERE type LIKE 'notify.%' AND event_id NOT IN (SELECT ref FROM message)`,
  )
  t.equal(unlogged?.count, 0)
})

t.test('B13: what the notifier reports is shown', async (t) => {
  const customer = await service.customer({ emails: ['log-3@example.com'] })
  const challengeId = await codes.requestRestore('log-3@example.com')
  await listed(customer.id, 1)
  const report = (status: 'deferred' | 'handed_over', attempts: number, answer: string, of = customer.id) =>
    service.publisher.publish(MessageOutcome, {
      subject: challengeId,
      data: {
        messageId: `${challengeId}.1`,
        customerId: of,
        channel: 'email',
        status,
        at: clock.now().toISOString(),
        attempts,
        answer,
      },
    })
  const becomes = (wanted: string) =>
    eventually(
      async () => {
        const [message] = (await list(customer.id)).data
        return message?.status === wanted ? message : undefined
      },
      { what: `the status ${wanted}` },
    )
  await report('handed_over', 1, '250 forged', customer.id + 1)
  await report('deferred', 1, '451 4.7.1 Greylisted')
  t.match(await becomes('deferred'), { reason: '451 4.7.1 Greylisted', attempts: 1 })
  await report('handed_over', 2, '250 2.0.0 Ok')
  t.match(await becomes('handed_over'), { reason: '250 2.0.0 Ok', attempts: 2, handedOverAt: time })
})

t.test('B13: what a limit, a lockout or a block suppressed is in the log, of known customers alone', async (t) => {
  const customer = await service.customer({ emails: ['log-4@example.com'] })
  const blocked = await service.customer({ emails: ['log-5@example.com'], status: 'blocked' })
  const unknown = await codes.requestRestore('nobody-4@example.com', { withheld: 'limit' })
  await codes.requestRestore('log-4@example.com', { withheld: 'limit' })
  await codes.requestRestore('log-4@example.com', { withheld: 'limit' })
  await codes.requestRestore('log-4@example.com', { withheld: 'budget' })
  await codes.requestRestore('log-5@example.com')
  await codes.issueChallenge(customer.code, 'oob:sms:+44*******99')
  await query(`INSERT INTO restore_failure SELECT gen_random_uuid(), 1, $1, now() FROM generate_series(1, 10)`, [
    customer.id,
  ])
  await codes.requestRestore('log-4@example.com')
  await codes.everythingHandled()
  const { data } = await listed(customer.id, 4)
  t.same(data.map(({ status, reason }) => `${status} ${reason}`).toSorted(), [
    'suppressed account_limit',
    'suppressed account_lockout',
    'suppressed customer_lockout',
    'suppressed device_unavailable',
  ])
  t.match((await list(blocked.id)).data, [
    { kind: 'notification', purpose: 'asked_while_blocked' },
    { kind: 'code', status: 'suppressed', reason: 'blocked', attempts: 0 },
  ])
  t.same(await query('SELECT FROM message WHERE ref = $1', [unknown]), [])
})

t.test('B13: a message whose time is over counts as expired while nothing reports of it', async (t) => {
  const customer = await service.customer({ emails: ['log-6@example.com'] })
  await codes.requestRestore('log-6@example.com')
  await listed(customer.id, 1)
  clock.advance(11 * 60_000)
  t.match((await list(customer.id)).data, [{ status: 'expired', attempts: 0 }])
})

t.test('B13: pages are newest first, of 30 days and of one customer', async (t) => {
  const customer = await service.customer()
  const at = (days: number) => new Date(clock.now().getTime() - days * 86_400_000)
  for (const days of [31, 29, 2, 1]) {
    await query(
      `INSERT INTO message (ref, send_number, customer_id, kind, purpose, channel, masked_to, asked_at, status, status_at)
       VALUES ($1, 1, $2, 'code', 'restore', 'email', 'a*b@example.com', $3, 'waiting', $3)`,
      [systemRandom.id(), customer.id, at(days)],
    )
  }
  const whole = await list(customer.id)
  t.equal(whole.total, 3)
  t.same(
    whole.data.map(({ askedAt }) => askedAt),
    whole.data
      .map(({ askedAt }) => askedAt)
      .toSorted()
      .toReversed(),
  )
  t.same(await list(customer.id, '?limit=1&offset=1'), { total: 3, data: whole.data.slice(1, 2) })
  t.same(await list(customer.id, '?offset=3'), { total: 3, data: [] })
})

t.test('B13 needs the scope of the back office and a known customer', async (t) => {
  const customer = await service.customer()
  const path = `/api/v2/clients/${customer.id}/messages`
  t.equal((await http.get(path)).status, 401)
  t.equal((await http.get(path, { authorization: bearer(customer.code) })).status, 403)
  for (const id of ['2147483647', '0', 'x']) {
    const answer = await http.get(`/api/v2/clients/${id}/messages`, { authorization: authorization() })
    t.match(answer, { status: 404, body: { code: 'not_found' } }, id)
  }
  for (const page of ['?limit=0', '?limit=101', '?offset=-1']) {
    t.equal((await http.get(`${path}${page}`, { authorization: authorization() })).status, 400, page)
  }
})
