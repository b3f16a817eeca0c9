import { createHttp } from '@rekey/test-support/http'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t, {
  env: { REKEY_REQUIRE_CURRENT_PASSWORD: 'true', REKEY_HASH_CONCURRENCY: '1', REKEY_HASH_QUEUE: '1' },
})

t.test('S18: a change requires the current password if configured', async (t) => {
  const customer = await service.customer()
  const headers = {
    authorization: service.bearer(customer.code),
    successToken: service.grant('change', customer.code),
  }
  const missing = await service.http.post('/api/v2/my/password/change', { password: 'Qwerty123' }, headers)
  t.equal(missing.status, 400)
  t.match(missing.body, { code: 'invalid_request', errors: [{ field: 'currentPassword', code: 'missing' }] })
  const none = await service.http.post(
    '/api/v2/my/password/change',
    { password: 'Qwerty123', currentPassword: 'anything' },
    headers,
  )
  t.equal(none.body.code, 'current_password_wrong', 'also without a password')
})

t.test('S18: production requires the current password by default, the sandbox does not', async (t) => {
  const changeAt = async (profile: 'production' | 'sandbox') => {
    const { url } = await service.startAnother({ REKEY_REQUIRE_CURRENT_PASSWORD: '', REKEY_PROFILE: profile })
    const { code } = await service.customer()
    const authorization = service.bearer(code)
    return createHttp(url, { isPatient: true }).post(
      '/api/v2/my/password/change',
      { password: 'violet kettle 41 marsh' },
      { authorization, successToken: service.grant('change', code) },
    )
  }
  t.match(await changeAt('production'), { status: 400, body: { errors: [{ field: 'currentPassword' }] } })
  t.equal((await changeAt('sandbox')).status, 204)
})

t.test('a full hash queue answers 503 at once and spends no token', async (t) => {
  const customers = await Promise.all(Array.from({ length: 40 }, () => service.customer()))
  const tokens = await Promise.all(
    customers.map(async ({ id }) => service.grant('restore', await service.restoreOf(id))),
  )
  const restore = (successToken: string) =>
    createHttp(service.url).post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })
  const answers = await Promise.all(tokens.map(restore))
  const refused = tokens.filter((_, index) => answers[index]?.status === 503)
  t.ok(refused.length > 0)
  t.ok(answers.filter(({ status }) => status === 503).every(({ headers }) => Number(headers.get('retry-after')) > 0))
  t.equal(answers.filter(({ status }) => status === 204).length, tokens.length - refused.length)
  t.equal((await restore(refused[0] ?? '')).status, 204)
})
