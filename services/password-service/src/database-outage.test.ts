import { PasswordVerify, scopes } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { type Answer, createHttp } from '@rekey/test-support/http'
import { startLink } from '@rekey/test-support/link'
import { startPasswordService } from '@rekey/test-support/password-service'
import { slowness } from '@rekey/test-support/slowness'
import t, { type Test } from 'tap'

const service = await startPasswordService(t, { privatePostgres: true })
const { bearer, grant, postgres } = service
let { http } = service
if (!postgres) throw new Error('this test needs a Postgres of its own')

const customer = await service.customer()
const challengeId = await service.restoreOf(customer.id)
const token = grant('restore', challengeId)
const authorization = bearer(customer.code)
const password = 'Qwerty123'
const restore = () => http.post('/api/v2/my/password/restore', { password }, { successToken: token })

const requests = {
  change: () =>
    http.post(
      '/api/v2/my/password/change',
      { password },
      { authorization, successToken: grant('change', customer.code) },
    ),
  restore,
  list: () => http.get('/api/v2/my/password/changes', { authorization }),
  show: () => http.get('/api/v2/my/password/changes/1', { authorization }),
  set: () =>
    http.send(
      'PUT',
      `/api/v2/clients/${customer.id}/password`,
      { 'content-type': 'application/json', authorization: bearer('backend_fin', scopes.backOffice) },
      JSON.stringify({ password, send_mail: false }),
    ),
}

const isUnavailable = async (t: Test, name: string, request: () => Promise<Answer>) => {
  const started = performance.now()
  const answer = await request()
  t.equal(answer.status, 503, name)
  t.equal(answer.body.code, 'unavailable', name)
  t.ok(Number(answer.headers.get('retry-after')) > 0, `${name}: Retry-After`)
  const ms = performance.now() - started
  t.ok(ms < 2_000 || ms < 2_000 * slowness(), `${name}: ${Math.round(ms)} ms`)
}

const allUnavailable = async (t: Test) => {
  await Promise.all(Object.entries(requests).map(([name, request]) => isUnavailable(t, name, request)))
  const rpc = callRpc(service.broker, PasswordVerify, { username: customer.addresses[0] ?? '', password })
  await t.rejects(rpc, { code: 'unavailable' })
  const ready = await http.get('/readyz')
  t.equal(ready.status, 200)
  t.match(ready.body, {
    status: 'degraded',
    checks: { postgres: 'unavailable', nats: 'ok' },
    degraded: { postgres: /unavailable/ },
  })
  t.equal((await http.get('/healthz')).status, 200)
}

const recovered = () => eventually(async () => (await http.get('/readyz')).body.status === 'ok', { what: 'recovery' })

t.test(
  'S25: with Postgres killed every route answers 503 within two seconds, and works again after its restart',
  async (t) => {
    await postgres.kill()
    await allUnavailable(t)
    await postgres.restart()
    await recovered()
    t.equal((await requests.list()).status, 200)
  },
)

t.test('S25: a stalled Postgres is unavailable too', async (t) => {
  const link = await startLink()
  t.teardown(() => link.close())
  link.leadTo([Number(new URL(postgres.url).port)])
  const databaseUrl = new URL(service.variables.DATABASE_URL)
  databaseUrl.port = String(link.port)
  const another = await service.startAnother({ DATABASE_URL: databaseUrl.href })
  const direct = http
  http = createHttp(another.url)
  await recovered()
  t.equal((await requests.list()).status, 200)
  link.stall()
  await Promise.all(Object.entries(requests).map(([name, request]) => isUnavailable(t, name, request)))
  link.heal()
  await recovered()
  t.equal((await restore()).status, 204, 'the token was not spent')
  await service.outboxEmpty()
  link.stall()
  const started = performance.now()
  await another.app.close()
  t.ok(performance.now() - started < 30_000, 'the service stops all the same')
  http = direct
})

t.test('a service that starts before Postgres and the broker becomes ready after their start', async (t) => {
  await Promise.all([postgres.stop(), service.nats.stop()])
  const { url } = await service.startAnother()
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  t.equal((await fetch(`${url}/readyz`)).status, 503)
  await Promise.all([postgres.restart(), service.nats.restart()])
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, { what: 'the new instance to be ready' })
})

t.test('S25: without the issuer unknown keys are a 503, and cached keys still verify tokens', async (t) => {
  service.closeIssuer()
  const { url } = await service.startAnother()
  const answer = await fetch(`${url}/api/v2/my/password/changes`, { headers: { authorization } })
  t.equal(answer.status, 503)
  t.ok(Number(answer.headers.get('retry-after')) > 0)
  t.equal((await requests.list()).status, 200, 'cached keys are kept')
  service.clock.advance(11 * 60_000)
  const later = bearer(customer.code)
  const list = (authorization: string) => http.get('/api/v2/my/password/changes', { authorization })
  t.equal((await list(later)).status, 200, 'also after their lifetime')
})
