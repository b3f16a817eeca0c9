import { scopes } from '@rekey/contracts'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { http, bearer, grant, query } = service
const authorization = () => bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' })
const get = (path: string, as = authorization()) => http.get(`/api/v2/clients${path}`, { authorization: as })
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/

t.test('B10: a customer is found by each address, confirmed or not, and by the code', async (t) => {
  const customer = await service.customer({ phones: ['+447700900401'], unconfirmed: ['waits@example.com'] })
  const [email = ''] = customer.addresses
  const { body: client } = await get(`/${customer.id}`)
  t.match(client, {
    id: customer.id,
    customer: customer.code,
    status: 'active',
    identifiers: [
      { kind: 'email', value: email, verifiedAt: time },
      { kind: 'email', value: 'waits@example.com' },
      { kind: 'phone', value: '+447700900401', verifiedAt: time },
    ],
    mustChange: false,
  })
  t.same(Object.keys(client), ['id', 'customer', 'status', 'identifiers', 'mustChange'])
  for (const search of [
    `?email=${encodeURIComponent(email.toUpperCase())}`,
    '?email=waits@example.com',
    '?phone=%2B447700900401',
    '?phone=+447700900401',
    `?customer=${customer.code}`,
  ]) {
    t.same((await get(search)).body, { total: 1, data: [client] }, search)
  }
  t.same((await get('?email=nobody@example.com')).body, { total: 0, data: [] })
  t.notMatch(service.logs(), 'waits@example.com', 'S35: no address is in the log')
})

t.test('B10: block, recovery hold, lockout, temporary password and last change are shown', async (t) => {
  const customer = await service.customer()
  const successToken = grant('restore', await service.restoreOf(customer.id))
  t.equal((await http.post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })).status, 204)
  const json = { authorization: authorization(), 'content-type': 'application/json' }
  const client = `/api/v2/clients/${customer.id}`
  await http.send('PUT', `${client}/password`, json, '{"password":"Another-1","send_mail":false}')
  await http.send('PUT', `${client}/block`, json, '{"reason":"a stolen phone"}')
  await query(`INSERT INTO restore_failure SELECT gen_random_uuid(), 1, $1, now() FROM generate_series(1, 10)`, [
    customer.id,
  ])
  t.match((await get(`/${customer.id}`)).body, {
    status: 'blocked',
    hold: { until: time },
    restoreLockout: { from: time, until: time },
    mustChange: true,
    lastChange: { id: Number, type: 'changed', operation: 'set', createTime: time },
  })
})

t.test('B10 needs the scope of the back office, a known customer, and exactly one field', async (t) => {
  const customer = await service.customer()
  for (const path of [`/${customer.id}`, `?customer=${customer.code}`]) {
    t.equal((await get(path, '')).status, 401)
    t.equal((await get(path, bearer(customer.code))).status, 403)
  }
  for (const id of ['2147483647', '0', 'x']) {
    t.match(await get(`/${id}`), { status: 404, body: { code: 'not_found' } }, id)
  }
  for (const path of ['', '?email=a@example.com&customer=x', '?email=', '?email=x', '?phone=0770', '?customer=']) {
    t.match(await get(path), { status: 400, body: { code: 'invalid_request' } }, path)
  }
})
