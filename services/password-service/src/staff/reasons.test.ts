import { http as routes, scopes } from '@rekey/contracts'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t, { env: { REKEY_BACK_OFFICE_FOUR_EYES: 'true' } })
const { http } = service

const send = async (as: string, method: string, path: string, reason?: string) => {
  const authorization = service.bearer(as, scopes.backOffice, { client_id: as, owner: `owner of ${as}` })
  const headers = { authorization, ...(reason !== undefined && { 'content-type': 'application/json' }) }
  const body = reason === undefined ? undefined : JSON.stringify({ reason })
  const answer = await http.send<Record<string, unknown> & { data: Record<string, unknown>[] }>(
    method,
    `/api/v2/${path}`,
    headers,
    body,
  )
  return answer.body
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/

interface Schema {
  body?: { properties?: Record<string, unknown> }
  querystring?: { properties?: Record<string, unknown> }
}

t.test('S41: every act of staff takes a reason', async (t) => {
  const acts = Object.entries(routes).filter(
    ([route, schema]) =>
      /^\w+ \/api\//.test(route) && !route.startsWith('GET ') && JSON.stringify(schema).includes(scopes.backOffice),
  )
  t.ok(acts.length >= 10, `${acts.length} routes`)
  for (const [route, schema] of acts) {
    const { body, querystring } = schema as Schema
    t.ok(body?.properties?.reason ?? querystring?.properties?.reason, route)
  }
})

t.test('S41: an approval shows whom it is about, why, and why it was decided', async (t) => {
  const customer = await service.customer({ emails: ['reason@example.com'] })
  const path = `clients/${customer.id}`
  const { approvalId } = await send('maker', 'POST', `${path}/reset-password`, 'a lost phone')
  await send('checker', 'POST', `approvals/${approvalId}/reject`, 'the customer did not call')
  t.match(await send('checker', 'GET', `approvals/${approvalId}`), {
    action: 'reset_password',
    clientId: customer.id,
    customer: customer.code,
    addresses: ['r*n@example.com'],
    reason: 'a lost phone',
    maker: 'maker',
    createTime: time,
    state: 'rejected',
    decidedBy: 'checker',
    decidedAt: time,
    decisionReason: 'the customer did not call',
  })

  const again = await send('maker', 'POST', `${path}/reset-password`, 'a second call')
  await send('checker', 'POST', `approvals/${again.approvalId}/approve`)
  const decided = await send('checker', 'GET', `approvals/${again.approvalId}`)
  t.match(decided, { state: 'approved', decidedBy: 'checker' })
  t.notOk('decisionReason' in decided, 'a reason is optional')
  t.match((await send('checker', 'GET', `${path}/records`)).data, [
    { operation: 'reset', actorId: 'maker', approvedBy: 'checker', reason: 'a second call' },
  ])
})

t.test('B9: jobs are listed newest first, with who asked, when and why', async (t) => {
  const start = async (reason: string) => {
    const { approvalId } = await send('maker', 'POST', 'clients/reset-password', reason)
    return (await send('checker', 'POST', `approvals/${approvalId}/approve`)).jobId
  }
  // Jobs pause while the outbox is full: they are still running when they are cancelled and listed.
  await service.nats.kill()
  await service.query(
    `INSERT INTO outbox (event_id, type, subject, data, created_at)
     SELECT gen_random_uuid(), 'password.changed', 'a', '{}', now() FROM generate_series(1, 600)`,
  )
  const first = await start('a leak elsewhere')
  await send('checker', 'POST', `jobs/${first}/cancel`, 'the wrong platform')
  const second = await start('a leak here')
  const { total, data } = await send('maker', 'GET', 'jobs')
  t.equal(total, 2)
  t.match(data, [
    { id: second, state: 'running', createTime: time, actorId: 'maker', approvedBy: 'checker', reason: 'a leak here' },
    {
      id: first,
      state: 'cancelled',
      createTime: time,
      finishTime: time,
      actorId: 'maker',
      reason: 'a leak elsewhere',
      cancelledBy: 'checker',
      cancelReason: 'the wrong platform',
    },
  ])
  t.notOk('finishTime' in (data[0] ?? {}))
  t.same(Object.keys(await send('maker', 'GET', `jobs/${first}`)), ['state', 'total', 'done', 'failed'])
  t.match(await send('maker', 'GET', 'jobs?limit=1&offset=1'), { total: 2, data: [{ id: first }] })
})
