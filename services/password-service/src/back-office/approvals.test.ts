import { randomUUID } from 'node:crypto'
import { maskAddress, PasswordVerify, parseUsername, scopes } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { openLoops } from '../loops.fixture.ts'
import { deleteExpiredApprovals, wipeExpiredApprovals } from './approvals.store.ts'

const service = await startPasswordService(t, { env: { REKEY_BACK_OFFICE_FOUR_EYES: 'true' } })
const { query, clock } = service
/** A token of a client that is its own owner's only one. */
const bearer = (sub: string) => service.bearer(sub, scopes.backOffice, { client_id: sub, owner: `owner of ${sub}` })

const send = (method: string, path: string, as = 'maker', body?: object) =>
  service.http.send<Record<string, string>>(
    method,
    `/api/v2/${path}`,
    { authorization: bearer(as), ...(body && { 'content-type': 'application/json' }) },
    body && JSON.stringify(body),
  )
const verify = (username = '', password: string) => callRpc(service.broker, PasswordVerify, { username, password })
const historyOf = ({ id }: { id: number }) => query('SELECT * FROM password_change WHERE customer_id = $1', [id])
const rowOf = async (approvalId = '') => (await query('SELECT * FROM approval WHERE id = $1', [approvalId]))[0]

const setPassword = (id: number, password = 'Qwerty123', mail = false) =>
  send('PUT', `clients/${id}/password`, 'maker', { password, send_mail: mail })

/** The request of each action. */
const actions = {
  set_password: (id: number) => setPassword(id),
  reset_password: (id: number) => send('POST', `clients/${id}/reset-password`),
  reset_all: () => send('POST', 'clients/reset-password'),
}

t.test('B7 with four eyes: the password is set once another person approves', async (t) => {
  const customer = await service.customer()
  const [username] = customer.addresses
  const body = { password: 'Temporary-1', send_mail: true, reason: 'a call from the customer' }
  const asked = await send('PUT', `clients/${customer.id}/password`, 'maker', body)
  t.equal(asked.status, 202)
  t.match(asked.body, { approvalId: /^[0-9a-f-]{36}$/, expiresAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/ })
  const { approvalId } = asked.body

  t.match(await verify(username, 'Temporary-1'), { verified: false })
  t.same(await historyOf(customer), [])
  const kept = JSON.stringify(await rowOf(approvalId))
  t.match(await rowOf(approvalId), { hash: /^\$argon2id/, sealed_password: /^ey/, state: 'pending' })
  t.notMatch(kept, 'Temporary-1')
  t.notMatch(service.logs(), 'Temporary-1')
  t.match((await send('GET', `approvals/${approvalId}`, 'checker')).body, {
    id: approvalId,
    action: 'set_password',
    state: 'pending',
    clientId: customer.id,
    customer: customer.code,
    addresses: customer.addresses.map((address) => maskAddress(parseUsername(address))),
    reason: 'a call from the customer',
    send_mail: true,
    maker: 'maker',
    makerOwner: 'owner of maker',
  })

  const approved = await send('POST', `approvals/${approvalId}/approve`, 'checker')
  t.equal(approved.status, 204)
  t.equal(approved.text, '')
  t.match(await verify(username, 'Temporary-1'), { verified: true, mustChange: true })
  t.match(await historyOf(customer), [
    { operation: 'set', actor: 'back_office', actor_id: 'maker', client_id: 'maker' },
  ])
  t.match(await rowOf(approvalId), { state: 'approved', hash: null, sealed_password: null })
  t.match((await send('GET', `approvals/${approvalId}`)).body, {
    state: 'approved',
    decidedBy: 'checker',
    decidedByOwner: 'owner of checker',
  })

  await service.outboxEmpty()
  t.match(await service.events('PASSWORD', customer.code), [
    { type: 'password.set', data: { actorId: 'maker', approvedBy: 'checker' } },
  ])
  const mail = (await service.events('NOTIFY', customer.code)).find(({ type }) => type === 'notify.temporary-password')
  t.equal(await service.openAddress(mail?.id ?? '', mail?.data.password ?? ''), 'Temporary-1')
  const line = { approval: approvalId, action: 'set_password', customer: customer.code, actor: 'back_office' }
  t.match(service.logged('back_office_approval_requested').at(-1), { ...line, actorId: 'maker' })
  t.match(service.logged('back_office_approval_approved').at(-1), { ...line, actorId: 'checker', maker: 'maker' })
  t.match(service.logged('authn_password_set').at(-1), { actorId: 'maker', approvedBy: 'checker' })
})

t.test('B9 with four eyes: one customer is reset once another person approves', async (t) => {
  const customer = await service.customer({ hash: 'none that fits' })
  const asked = await actions.reset_password(customer.id)
  t.equal(asked.status, 202)
  t.same(Object.keys(asked.body).sort(), ['approvalId', 'expiresAt'])
  t.same(await historyOf(customer), [])
  t.equal((await send('POST', `approvals/${asked.body.approvalId}/approve`, 'checker')).status, 204)
  t.match(await historyOf(customer), [{ operation: 'reset', type: 'changed', actor_id: 'maker' }])
  await service.outboxEmpty()
  t.match(await service.events('PASSWORD', customer.code), [
    { type: 'password.reset-requested', data: { actorId: 'maker', approvedBy: 'checker' } },
  ])
  t.match(service.logged('authn_password_reset_required').at(-1), { customer: customer.code, approvedBy: 'checker' })
})

t.test('B9 with four eyes: the job starts once another person approves', async (t) => {
  const customer = await service.customer()
  const asked = await actions.reset_all()
  t.equal(asked.status, 202)
  t.equal((await query('SELECT 1 FROM job')).length, 0)
  const approved = await send('POST', `approvals/${asked.body.approvalId}/approve`, 'checker')
  t.equal(approved.status, 202)
  const { jobId } = approved.body
  await eventually(async () => (await send('GET', `jobs/${jobId}`)).body.state === 'done', { what: 'the job' })
  // A token of the second in which the job started has ended.
  clock.advance(1_000)
  await service.outboxEmpty()
  t.match((await service.events('PASSWORD', customer.code)).at(-1)?.data, {
    jobId,
    actorId: 'maker',
    approvedBy: 'checker',
  })
  t.match(service.logged('password_reset_job_started'), [{ job: jobId, actorId: 'maker', approvedBy: 'checker' }])
})

t.test('four eyes: the maker may not decide', async (t) => {
  const customer = await service.customer()
  for (const [action, request] of Object.entries(actions)) {
    const { approvalId } = (await request(customer.id)).body
    for (const decision of ['approve', 'reject']) {
      const answer = await send('POST', `approvals/${approvalId}/${decision}`, 'maker')
      t.match(answer, { status: 403, body: { code: 'own_approval' } }, `${action}: ${decision}`)
    }
    t.match(await rowOf(approvalId), { state: 'pending' })
    t.match(service.logged('back_office_approval_own').at(-1), { approval: approvalId, actorId: 'maker' })
  }
  t.same(await historyOf(customer), [])
})

t.test('four eyes: a rejected action is not carried out, and its password is deleted', async (t) => {
  const customer = await service.customer()
  const { approvalId } = (await setPassword(customer.id, 'Temporary-1', true)).body
  t.equal((await send('POST', `approvals/${approvalId}/reject`, 'checker')).status, 204)
  t.match(await rowOf(approvalId), { state: 'rejected', hash: null, sealed_password: null, decided_by: 'checker' })
  for (const decision of ['approve', 'reject']) {
    const answer = await send('POST', `approvals/${approvalId}/${decision}`, 'checker')
    t.match(answer, { status: 409, body: { code: 'already_decided' } })
  }
  t.same(await historyOf(customer), [])
  t.match(service.logged('back_office_approval_rejected').at(-1), { approval: approvalId, actorId: 'checker' })
})

t.test('four eyes: of fifty decisions at once one takes effect', async (t) => {
  for (const decisions of [['approve'], ['approve', 'reject']]) {
    for (const [action, request] of Object.entries(actions)) {
      const customer = await service.customer()
      const { approvalId } = (await request(customer.id)).body
      const before = (await query('SELECT 1 FROM job')).length
      const answers = await race(50, async (index) => {
        const decision = decisions[index % decisions.length] ?? ''
        return {
          decision,
          status: (await send('POST', `approvals/${approvalId}/${decision}`, `checker ${index}`)).status,
        }
      })
      const effective = answers.filter(({ status }) => status < 300)
      t.equal(effective.length, 1, `${action}: one takes effect`)
      t.ok(
        answers.every(({ status }) => status < 300 || status === 409 || status === 503),
        `${action}: ${answers.map(({ status }) => status)}`,
      )
      const isApproved = effective[0]?.decision === 'approve'
      if (action === 'reset_all') {
        const jobs = await query<{ id: string }>('SELECT id FROM job ORDER BY created_at')
        t.equal(jobs.length, before + (isApproved ? 1 : 0), action)
        const last = jobs.at(-1)?.id
        await eventually(async () => (await send('GET', `jobs/${last}`)).body.state === 'done', { what: 'the job' })
        // A token of the second in which the job started has ended.
        clock.advance(1_000)
      } else {
        t.equal((await historyOf(customer)).length, isApproved ? 1 : 0, action)
      }
    }
  }
})

t.test('four eyes: an invalid request is refused before an approval is requested', async (t) => {
  const silent = await service.customer({ emails: [], unconfirmed: [`${randomUUID()}@example.com`] })
  const before = (await query('SELECT 1 FROM approval')).length
  t.equal((await setPassword(2_147_483_647)).status, 404)
  t.equal((await actions.reset_password(2_147_483_647)).status, 404)
  t.match((await setPassword(silent.id, 'short')).body, { code: 'password_refused' })
  t.match((await setPassword(silent.id, 'Qwerty123', true)).body, { code: 'invalid_request' })
  t.equal((await query('SELECT 1 FROM approval')).length, before)
})

t.test('four eyes: a password that can no longer be mailed is not approved, and stays pending', async (t) => {
  const customer = await service.customer()
  const { approvalId } = (await setPassword(customer.id, 'Temporary-1', true)).body
  await query('UPDATE identifier SET verified_at = NULL WHERE customer_id = $1', [customer.id])
  const answer = await send('POST', `approvals/${approvalId}/approve`, 'checker')
  t.match(answer, { status: 400, body: { code: 'invalid_request' } })
  t.match(await rowOf(approvalId), { state: 'pending' })
  t.same(await historyOf(customer), [])
})

t.test(
  'four eyes: the list has the pending approvals, of all, one customer or one action, the oldest first',
  async (t) => {
    await query('DELETE FROM approval')
    const customer = await service.customer()
    const ids: string[] = []
    for (const request of [actions.set_password, actions.reset_all, actions.reset_password, actions.set_password]) {
      ids.push((await request(customer.id)).body.approvalId ?? '')
      clock.advance(1)
    }
    await send('POST', `approvals/${ids[1]}/reject`, 'checker')
    const waiting = [ids[0], ids[2], ids[3]]
    const list = async (page = '') => {
      const { body } = await service.http.get<{ total: number; data: { id: string }[] }>(`/api/v2/approvals${page}`, {
        authorization: bearer('checker'),
      })
      return { total: body.total, ids: body.data.map(({ id }) => id) }
    }
    t.same(await list(), { total: 3, ids: waiting })
    t.same(await list('?limit=1&offset=1'), { total: 3, ids: [ids[2]] })
    t.same(await list('?offset=9'), { total: 3, ids: [] })
    t.notMatch((await send('GET', 'approvals', 'checker')).text, /hash|sealed|argon2/)

    // More than a page of other customers' approvals come first.
    const last = await service.customer()
    await query(
      `INSERT INTO approval (id, action, customer_id, maker, maker_client_id, maker_ip, created_at, expires_at)
     SELECT gen_random_uuid(), 'lift_block', $1, 'maker', 'maker', '::1', now() - interval '1 day', $2 FROM generate_series(1, 120)`,
      [customer.id, new Date(clock.now().getTime() + 60_000)],
    )
    const own = (await actions.reset_password(last.id)).body.approvalId
    const all = (await actions.reset_all()).body.approvalId
    t.same(await list(`?limit=100&clientId=${last.id}`), { total: 1, ids: [own] })
    t.same(await list('?action=reset_all'), { total: 1, ids: [all] })
    t.same(await list(`?action=set_password&clientId=${customer.id}`), { total: 2, ids: [ids[0], ids[3]] })
    t.same(await list('?clientId=2147483647'), { total: 0, ids: [] })
    t.equal((await send('GET', 'approvals?action=none')).status, 400)
  },
)

t.test('four eyes: only the back office may list and decide; an unknown approval is a 404', async (t) => {
  const customer = await service.customer()
  const { approvalId } = (await setPassword(customer.id)).body
  for (const [method, path] of [
    ['GET', 'approvals'],
    ['GET', `approvals/${approvalId}`],
    ['POST', `approvals/${approvalId}/approve`],
    ['POST', `approvals/${approvalId}/reject`],
  ] as const) {
    const as = (authorization: string) =>
      service.http.send(method, `/api/v2/${path}`, { ...(authorization && { authorization }) })
    t.equal((await as('')).status, 401, path)
    t.equal((await as(service.bearer(customer.code))).status, 403, path)
  }
  for (const [method, path] of [
    ['GET', `approvals/${randomUUID()}`],
    ['POST', `approvals/${randomUUID()}/approve`],
    ['POST', `approvals/${randomUUID()}/reject`],
  ] as const) {
    t.match(await send(method, path), { status: 404, body: { code: 'not_found' } })
  }
})

t.test('four eyes: an approval expires after a day, its password is deleted, and after a month its row', async (t) => {
  const customer = await service.customer()
  const { approvalId } = (await setPassword(customer.id, 'Temporary-1', true)).body
  const { approvalId: decided } = (await setPassword(customer.id)).body
  await send('POST', `approvals/${decided}/reject`, 'checker')
  clock.advance(24 * 3_600_000)
  for (const decision of ['approve', 'reject']) {
    const answer = await send('POST', `approvals/${approvalId}/${decision}`, 'checker')
    t.match(answer, { status: 409, body: { code: 'already_decided' } })
  }
  t.match((await send('GET', `approvals/${approvalId}`)).body, { state: 'expired' })
  t.match((await service.http.get('/api/v2/approvals', { authorization: bearer('checker') })).body, { total: 0 })
  t.same(await historyOf(customer), [])

  const loops = openLoops(t, service.variables.DATABASE_URL)
  // The service sweeps too, and each skips the rows that the other has locked.
  await wipeExpiredApprovals(loops)(clock.now(), 500)
  await eventually(async () => (await rowOf(approvalId))?.hash === null, { what: 'the deletion of the password' })
  t.match(await rowOf(approvalId), { state: 'pending', hash: null, sealed_password: null })
  t.equal(await deleteExpiredApprovals(loops)(clock.now(), 500), 0)
  clock.advance(30 * 24 * 3_600_000 + 1)
  await deleteExpiredApprovals(loops)(clock.now(), 500)
  await eventually(async () => (await rowOf(approvalId)) === undefined, { what: 'the deletion of the approval' })
  t.match(await rowOf(decided), { state: 'rejected' }, 'decided approvals stay')
})
