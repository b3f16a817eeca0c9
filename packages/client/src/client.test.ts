import { http, RekeyError, unavailable } from '@rekey/contracts'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { createServer } from '@rekey/platform/server'
import t from 'tap'
import { createClient, RekeyHttpError } from './index.ts'

const change = {
  id: 7,
  type: 'restored',
  createTime: '2026-11-21T20:37:12+00:00',
  operation: 'restore',
  actor: 'client',
  channel: 'email',
  ip: '203.0.113.7',
  digest: 'ab',
}
const codeSent = { mfa_token: 'm', code: '0042', error: 'mfa_code_required', error_description: 'd', state: 's' }
const opened = { token: 't', provider: 'email', expiresAt: '2026-11-21T20:47:12+00:00' }
const approvalId = '018f0000-0000-7000-8000-000000000001'
const jobId = '018f0000-0000-7000-8000-000000000002'
const job = { state: 'running', total: 3, done: 1, failed: 0 }
const approval = {
  id: approvalId,
  action: 'reset_all',
  state: 'pending',
  maker: 'backend_fin',
  createTime: change.createTime,
  expiresAt: change.createTime,
}
const reset = { client_timezone: '-3', ip: '::1', response_type: 'access_token', source_system: 'IB' } as const
const token = { access_token: 'a', token_type: 'bearer', expires_in: 3600, scope: 'CUSTOMER:FULL' }

/** What the server answers, by route. None: 204. */
const answers: Partial<Record<keyof typeof http, unknown>> = {
  'POST /oauth/v2/passwordRestore': codeSent,
  'POST /oauth/v2/passwordRestoreVerification': token,
  'POST /oauth/v2/login': {
    error: 'mfa_required',
    error_description: 'd',
    challenge_type: ['oob:email:b*1@gmail.com'],
    binding_method: 'prompt',
    mfa_token: 'm',
    state: 's',
  },
  'POST /oauth/v2/challenge': codeSent,
  'POST /oauth/v2/token': token,
  'GET /api/v2/my/2fa/challenge': opened,
  'GET /api/v2/my/2fa/unauthorized/challenge': opened,
  'POST /api/v2/my/2fa/challenge': { successToken: 'st', expiresAt: opened.expiresAt },
  'GET /api/v2/my/password/changes': { total: 1, data: [change] },
  'GET /api/v2/my/password/changes/:changeId': change,
  'POST /oauth/v2/passwordRestoreReset': {},
  'POST /oauth/v2/revoke': {},
  'POST /oauth/v2/introspect': { active: false },
  'GET /api/v2/clients/:clientId/password/changes': { total: 1, data: [change] },
  'GET /api/v2/clients/:clientId/password/changes/:changeId': change,
  'POST /api/v2/clients/:clientId/reset-password': {},
  'POST /api/v2/clients/reset-password': { jobId },
  'GET /api/v2/jobs/:jobId': job,
  'POST /api/v2/jobs/:jobId/cancel': job,
  'GET /api/v2/approvals': { total: 1, data: [approval] },
  'GET /api/v2/approvals/:approvalId': approval,
}

/** A server with the contracts' own schemas and error forms: a request that breaks one is refused. */
const startServer = async (t: Tap, refusal?: RekeyError) => {
  const app = await createServer({
    log: createLogger({ name: 'test', level: 'silent' }),
    random: systemRandom,
    trustedProxies: [],
  })
  const seen: { route: string; headers: Record<string, unknown>; query: unknown; params: unknown; body: unknown }[] = []
  for (const [route, schema] of Object.entries(http)) {
    const [method = '', url = ''] = route.split(' ')
    app.route({
      method,
      url,
      schema,
      config: { public: true },
      async handler({ headers, query, params, body }, reply) {
        seen.push({ route, headers, query, params, body })
        if (refusal) throw refusal
        const answer = answers[route as keyof typeof http]
        return answer === undefined ? reply.code(204).send() : answer
      },
    })
  }
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return { client: createClient({ baseUrl }), baseUrl, last: () => seen.at(-1) }
}
type Tap = { teardown(work: () => unknown): void }

const common = {
  client_id: 'ib_localhost',
  client_timezone: '-3',
  redirect_uri: 'http://localhost',
  response_type: 'access_token',
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  source_system: 'IB',
  state: 's',
  username: 'bpmtestusr1@gmail.com',
} as const

t.test('every method reaches its route with a request that the contract accepts', async (t) => {
  const { client, last } = await startServer(t)
  const { response_type, scope, state, client_timezone } = common
  const calls: [string, () => Promise<unknown>, unknown][] = [
    ['POST /oauth/v2/passwordRestore', () => client.requestRestore(common), codeSent],
    [
      'POST /oauth/v2/passwordRestoreVerification',
      () =>
        client.verifyRestore({ code: '012345', grant_type: 'mfa_oob', mfa_token: 'm', response_type, scope, state }),
      token,
    ],
    [
      'POST /oauth/v2/login',
      () => client.login({ ...common, ip: '203.0.113.7', password: '111111' }),
      answers['POST /oauth/v2/login'],
    ],
    [
      'POST /oauth/v2/challenge',
      () =>
        client.sendChallenge({ challenge_type: 'oob:email', client_timezone, mfa_token: 'm', response_type, state }),
      codeSent,
    ],
    ['POST /oauth/v2/passwordRestoreReset', () => client.resetPassword({ accessToken: 'a', ...reset }), undefined],
    ['POST /oauth/v2/revoke', () => client.revoke({ token: 'a', client_id: 'ib_localhost' }), undefined],
    ['POST /oauth/v2/introspect', () => client.introspect({ token: 'a' }), { active: false }],
    ['POST /oauth/v2/token', () => client.token({ grant_type: 'client_credentials' }), token],
    ['GET /api/v2/my/2fa/challenge', () => client.openChallenge({ accessToken: 'a' }), opened],
    [
      'GET /api/v2/my/2fa/unauthorized/challenge',
      () => client.openUnauthorizedChallenge({ phone: '+447700900001' }),
      opened,
    ],
    [
      'POST /api/v2/my/2fa/challenge',
      () => client.answerChallenge({ token: 't', code: '012345' }),
      answers['POST /api/v2/my/2fa/challenge'],
    ],
    [
      'POST /api/v2/my/password/change',
      () => client.changePassword({ accessToken: 'a', successToken: 'st', password: 'Qwerty123' }),
      undefined,
    ],
    [
      'POST /api/v2/my/password/restore',
      () => client.restorePassword({ successToken: 'st', password: 'Qwerty123' }),
      undefined,
    ],
    [
      'GET /api/v2/my/password/changes',
      () => client.listPasswordChanges({ accessToken: 'a', limit: 5 }),
      { total: 1, data: [change] },
    ],
    [
      'GET /api/v2/my/password/changes/:changeId',
      () => client.getPasswordChange({ accessToken: 'a', changeId: 7 }),
      change,
    ],
    [
      'PUT /api/v2/clients/:clientId/password',
      () => client.setClientPassword({ accessToken: 'a', clientId: 1, password: 'Qwerty123', send_mail: true }),
      undefined,
    ],
    [
      'GET /api/v2/clients/:clientId/password/changes',
      () => client.listClientPasswordChanges({ accessToken: 'a', clientId: 1, offset: 10 }),
      { total: 1, data: [change] },
    ],
    [
      'GET /api/v2/clients/:clientId/password/changes/:changeId',
      () => client.getClientPasswordChange({ accessToken: 'a', clientId: 1, changeId: 7 }),
      change,
    ],
    [
      'POST /api/v2/clients/:clientId/reset-password',
      () => client.resetClientPassword({ accessToken: 'a', clientId: 1 }),
      {},
    ],
    ['POST /api/v2/clients/reset-password', () => client.resetAllPasswords({ accessToken: 'a' }), { jobId }],
    ['DELETE /api/v2/clients/:clientId/hold', () => client.endHold({ accessToken: 'a', clientId: 1 }), undefined],
    ['DELETE /api/v2/clients/:clientId/block', () => client.liftBlock({ accessToken: 'a', clientId: 1 }), undefined],
    ['GET /api/v2/jobs/:jobId', () => client.getJob({ accessToken: 'a', jobId }), job],
    ['POST /api/v2/jobs/:jobId/cancel', () => client.cancelJob({ accessToken: 'a', jobId }), job],
    [
      'GET /api/v2/approvals',
      () => client.listApprovals({ accessToken: 'a', limit: 5 }),
      { total: 1, data: [approval] },
    ],
    ['GET /api/v2/approvals/:approvalId', () => client.getApproval({ accessToken: 'a', approvalId }), approval],
    ['POST /api/v2/approvals/:approvalId/approve', () => client.approve({ accessToken: 'a', approvalId }), undefined],
    ['POST /api/v2/approvals/:approvalId/reject', () => client.reject({ accessToken: 'a', approvalId }), undefined],
  ]
  for (const [route, call, answer] of calls) {
    t.same(await call(), answer, route)
    t.equal(last()?.route, route)
  }
})

t.test('tokens go into headers, and only what the contract names into the body', async (t) => {
  const { client, last } = await startServer(t)
  await client.changePassword({
    accessToken: 'a',
    successToken: 'st',
    password: 'Qwerty123',
    currentPassword: '111111',
  })
  t.match(last(), { headers: { authorization: 'Bearer a', successtoken: 'st' } })
  t.same(last()?.body, { password: 'Qwerty123', currentPassword: '111111' })

  await client.restorePassword({ successToken: 'st', password: 'Qwerty123' })
  t.notOk(last()?.headers.authorization)
  t.same(last()?.body, { password: 'Qwerty123' })

  await client.setClientPassword({ accessToken: 'a', clientId: 1, password: 'Qwerty123', send_mail: false })
  t.same(last()?.params, { clientId: 1 })
  t.same(last()?.body, { password: 'Qwerty123', send_mail: false })
})

t.test('a plus sign in a phone number survives the query', async (t) => {
  const { client, last } = await startServer(t)
  await client.openUnauthorizedChallenge({ phone: '+447700900001' })
  t.same(last()?.query, { businessProcess: 'restorePassword', phone: '+447700900001' })
})

t.test('a refusal in the OAuth form is an error with its code, description and body', async (t) => {
  const { client } = await startServer(t, new RekeyError('invalid_grant'))
  const error = await client.requestRestore(common).catch((thrown) => thrown)
  t.ok(error instanceof RekeyHttpError)
  t.match(error, {
    status: 400,
    code: 'invalid_grant',
    description: 'The code is wrong, expired, replaced or already used.',
    retryAfterSeconds: undefined,
    body: { error: 'invalid_grant', state: 's' },
  })
})

t.test('a refusal in the problem form is an error with its code, description and field errors', async (t) => {
  const { client } = await startServer(t)
  const ask = { successToken: 'st', password: '' }
  await t.rejects(client.restorePassword(ask), {
    name: 'RekeyHttpError',
    status: 400,
    code: 'invalid_request',
    body: { errors: [{ field: 'password', code: 'too_short' }] },
  })
})

t.test('an overloaded service says when to try again', async (t) => {
  const { client } = await startServer(t, unavailable(new Error('broker away')))
  await t.rejects(client.requestRestore(common), {
    status: 503,
    code: 'temporarily_unavailable',
    retryAfterSeconds: 2,
  })
  await t.rejects(client.openChallenge({ accessToken: 'a' }), {
    status: 503,
    code: 'unavailable',
    retryAfterSeconds: 2,
  })
})

t.test('an answer that is not ours, a proxy’s page say, is an error too', async (t) => {
  const fetch = async () => new Response('<h1>Bad gateway</h1>', { status: 502 })
  const client = createClient({ baseUrl: 'http://127.0.0.1/', fetch })
  await t.rejects(client.requestRestore(common), { status: 502, code: 'unknown', body: '<h1>Bad gateway</h1>' })
})

t.test('a base address may have a path and a slash at its end', async (t) => {
  const asked: string[] = []
  const fetch = async (url: unknown) => {
    asked.push(String(url))
    return new Response(null, { status: 204 })
  }
  await createClient({ baseUrl: 'http://127.0.0.1/bank/', fetch }).restorePassword({ successToken: 's', password: 'p' })
  t.same(asked, ['http://127.0.0.1/bank/api/v2/my/password/restore'])
})
