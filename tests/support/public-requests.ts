import { randomUUID } from 'node:crypto'
import { http as contract } from '@rekey/contracts'
import { createAccountRequests } from './account-requests.ts'
import { createCustomer, sql } from './customers.ts'
import { askChange, askRestore, loginBody, restoreBody, signIn, state, verificationBody } from './flows.ts'
import type { Answer } from './http.ts'
import type { Rekey } from './rekey.ts'
import { createVisitor } from './visitor.ts'

/** The action whose quota of an address a request spends, or why it needs none. */
export type Limit = { spends: 'code' | 'answer' | 'login' | 'token' | 'password' } | { needsNone: string }

export type PublicRequest = Limit & {
  path: string
  headers?: Record<string, string>
  body?: object
  /** The body as a form. */
  form?: Record<string, string>
}

/** Paths of the password-service, which the gateway forwards. */
const isForwarded = (path: string) =>
  /^\/(api\/v2\/(my\/password|clients|jobs|approvals)|oauth\/v2\/passwordRestoreReset)/.test(path)

const needsToken = { needsNone: 'refused without a valid token, before any look-up' }
const isRendered = { needsNone: 'a page or document without a look-up' }
const fill = (path: string) => path.replaceAll(/:\w+/g, '1')

/** Requests that are forwarded, without a token; the password-service refuses them. */
const forwarded = (): Record<string, PublicRequest> =>
  Object.fromEntries(
    Object.keys(contract)
      .map((route) => [route, route.split(' ')[1] ?? ''] as const)
      .filter(([, path]) => isForwarded(path))
      .map(([route, path]) => [route, { path: fill(path), spends: 'token' }]),
  )

const newPassword = 'Qwerty-12345'

interface PageRequest {
  path: string
  headers: Record<string, string>
  form?: Record<string, string>
}

/** A valid request of each step of the hosted restore: of one that waits for its code, and of one that proved it. */
const hostedRestores = async (
  rekey: Rekey,
  { waiting, proven, enrolled }: { waiting: string; proven: string; enrolled: string },
): Promise<
  Record<
    'begin' | 'resend' | 'code' | 'strength' | 'password' | 'proof' | 'proofCode' | 'proofOther' | 'step',
    PageRequest
  >
> => {
  const visitor = createVisitor(rekey.http)
  const requestOf = (page: Answer, input: Record<string, string>, action?: string): PageRequest => {
    const form = visitor.formOf(page, action)
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { path: form.action, headers: { cookie }, form: { ...form.fields, ...input } }
  }
  const start = await visitor.open('/restore')
  const codePage = await visitor.askCode(waiting)
  const step = { path: visitor.at(), headers: requestOf(start, {}).headers }
  const passwordPage = await visitor.proveCode(rekey.inbox, proven)
  const password = requestOf(passwordPage, { password: newPassword })
  const choice = await visitor.submit(await visitor.proveCode(rekey.inbox, enrolled), { password: newPassword })
  const proof = requestOf(choice, { way: /value="(oob:sms[^"]*)"/.exec(choice.text)?.[1] ?? '' })
  const other = await visitor.submit(await visitor.proveCode(rekey.inbox, enrolled), { password: newPassword })
  const otpPage = await visitor.submit(other, { way: 'otp' })
  return {
    proof,
    proofCode: requestOf(otpPage, { code: '000001' }, '/proof-code'),
    proofOther: requestOf(otpPage, {}, '/proof-other'),
    begin: requestOf(start, { username: 't.unknown@example.com' }),
    resend: requestOf(codePage, {}, '/resend'),
    code: requestOf(codePage, { code: '000001' }, '/code'),
    strength: { ...password, path: password.path.replace('/password', '/strength') },
    password,
    step,
  }
}

/** A valid request for each route of the gateway's public port, with new customers. Each is good for one use. */
export const createPublicRequests = async (rekey: Rekey): Promise<Record<string, PublicRequest>> => {
  const people = await Promise.all(Array.from({ length: 4 }, () => createCustomer(rekey.postgres.url)))
  type Person = (typeof people)[0]
  const [person, another, third, enrolled] = people as [Person, Person, Person, Person]
  await sql(rekey.postgres.url, `UPDATE customer SET factor_kinds = '{totp}' WHERE id = $1`, [enrolled.id])
  const opened = await askRestore(rekey, person.email)
  const resent = await rekey.http.post('/oauth/v2/passwordRestore', restoreBody(another.email))
  const hosted = await hostedRestores(rekey, {
    waiting: another.email,
    proven: person.email,
    enrolled: enrolled.email,
  })
  const authorization = `Bearer ${await signIn(rekey, third)}`
  const change = await askChange(rekey, third, authorization.slice('Bearer '.length))
  const password = 'Qwerty-12345'
  const device = (email: string) => `oob:email:t*${email.split('@')[0]?.at(-1)}@example.com`
  return {
    ...forwarded(),
    'GET /oauth/v2/authorize': { path: '/oauth/v2/authorize', ...isRendered },
    'POST /oauth/v2/passwordRestore': {
      path: '/oauth/v2/passwordRestore',
      body: restoreBody('t.unknown@example.com'),
      spends: 'code',
    },
    'POST /oauth/v2/passwordRestoreVerification': {
      path: '/oauth/v2/passwordRestoreVerification',
      body: verificationBody(opened.answer.body.mfa_token, opened.confirmation),
      spends: 'answer',
    },
    'POST /oauth/v2/passwordRestoreReset': {
      path: '/oauth/v2/passwordRestoreReset',
      body: { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB' },
      spends: 'password',
    },
    'POST /oauth/v2/login': {
      path: '/oauth/v2/login',
      body: loginBody({ email: 't.unknown@example.com', password }),
      spends: 'login',
    },
    'POST /oauth/v2/challenge': {
      path: '/oauth/v2/challenge',
      body: {
        challenge_type: device(another.email),
        client_timezone: '-3',
        mfa_token: resent.body.mfa_token,
        response_type: 'code',
        state,
      },
      spends: 'code',
    },
    'POST /oauth/v2/token': {
      path: '/oauth/v2/token',
      body: { grant_type: 'refresh_token', refresh_token: 'a.b.c', client_id: 'ib_localhost' },
      spends: 'token',
    },
    'POST /oauth/v2/revoke': {
      path: '/oauth/v2/revoke',
      body: { token: 'unknown', client_id: 'ib_localhost' },
      spends: 'token',
    },
    'POST /oauth/v2/introspect': {
      path: '/oauth/v2/introspect',
      body: { token: 'unknown', client_id: 'backend_fin', client_secret: 'guessed' },
      spends: 'token',
    },
    'GET /api/v2/my/2fa/challenge': {
      path: '/api/v2/my/2fa/challenge?businessProcess=changePassword',
      headers: { authorization },
      spends: 'code',
    },
    'GET /api/v2/my/2fa/unauthorized/challenge': {
      path: '/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=t.unknown@example.com',
      spends: 'code',
    },
    'POST /api/v2/my/2fa/challenge': {
      path: '/api/v2/my/2fa/challenge',
      body: { token: change.answer.body.token, code: change.confirmation },
      spends: 'answer',
    },
    'POST /api/v2/my/password/change': {
      path: '/api/v2/my/password/change',
      headers: { authorization },
      body: { password },
      spends: 'password',
    },
    'POST /api/v2/my/password/restore': {
      path: '/api/v2/my/password/restore',
      headers: { successtoken: 'a.b.c' },
      body: { password },
      spends: 'password',
    },
    'DELETE /api/v2/my/sessions': { path: '/api/v2/my/sessions', spends: 'token' },
    'GET /api/v2/my/sessions': { path: '/api/v2/my/sessions', ...needsToken },
    'DELETE /api/v2/my/sessions/:sessionId': { path: `/api/v2/my/sessions/${randomUUID()}`, ...needsToken },
    'GET /api/v2/clients/:clientId/sessions': { path: '/api/v2/clients/1/sessions', ...needsToken },
    'POST /restore': { ...hosted.begin, spends: 'code' },
    'POST /restore/:flow/resend': { ...hosted.resend, spends: 'code' },
    'POST /restore/:flow/code': { ...hosted.code, spends: 'answer' },
    'POST /restore/:flow/strength': { ...hosted.strength, spends: 'password' },
    'POST /restore/:flow/proof': { ...hosted.proof, spends: 'code' },
    'POST /restore/:flow/proof-code': { ...hosted.proofCode, spends: 'answer' },
    'POST /restore/:flow/proof-other': {
      ...hosted.proofOther,
      needsNone: 'one step of a state in Redis, by a random key',
    },
    'POST /restore/:flow/password': { ...hosted.password, spends: 'password' },
    ...(await createAccountRequests(rekey)),
    // The rest of the console requires a session.
    ...(rekey.provider && {
      'GET /staff/callback': { path: `/staff/callback?code=a&state=${'A'.repeat(43)}`, spends: 'token' as const },
      'GET /staff/sign-in': { path: '/staff/sign-in', ...isRendered },
      'GET /staff/sign-in/start': { path: '/staff/sign-in/start', needsNone: 'a redirect with a sealed cookie' },
    }),
    'POST /not-me': { path: '/not-me', form: { token: 'a.b.c' }, spends: 'token' },
    'POST /restore-veto': { path: '/restore-veto', form: { token: 'a.b.c' }, spends: 'token' },
    'GET /v/:handle': { path: '/v/mV3r_kQ9-0aZ1bY2cX4dWg', needsNone: 'a redirect to the page' },
    'GET /restore-veto': { path: '/restore-veto?token=a.b.c', ...isRendered },
    'GET /n/:handle': { path: '/n/mV3r_kQ9-0aZ1bY2cX4dWg', needsNone: 'a redirect to the page' },
    'GET /not-me': { path: '/not-me?token=a.b.c', ...isRendered },
    'GET /': { path: '/', ...isRendered },
    'GET /restore': { path: '/restore', ...isRendered },
    'GET /restore/:flow/:step': { ...hosted.step, needsNone: 'one read in Redis by a random key' },
    'GET /restore/*': { path: '/restore/nothing', ...isRendered },
    ...Object.fromEntries(
      ['GET', 'POST'].flatMap((method) =>
        ['begin', 'resend', 'answer', 'finish'].map((step) => [
          `${method} /restore/${step}`,
          { path: `/restore/${step}`, needsNone: 'a redirect to the first page' },
        ]),
      ),
    ),
    'GET /.well-known/jwks.json': { path: '/.well-known/jwks.json', ...isRendered },
    'GET /.well-known/oauth-authorization-server': {
      path: '/.well-known/oauth-authorization-server',
      ...isRendered,
    },
    'GET /.well-known/passkey-endpoints': { path: '/.well-known/passkey-endpoints', ...isRendered },
    'GET /.well-known/webauthn': { path: '/.well-known/webauthn', ...isRendered },
    'GET /.well-known/change-password': {
      path: '/.well-known/change-password',
      needsNone: 'a redirect to the first page',
    },
    'GET /openapi.json': { path: '/openapi.json', ...isRendered },
    'GET /asyncapi.json': { path: '/asyncapi.json', ...isRendered },
    'GET /docs': { path: '/docs', ...isRendered },
    'GET /docs/events': { path: '/docs/events', ...isRendered },
    'GET /healthz': { path: '/healthz', needsNone: 'one word' },
    'GET /readyz': { path: '/readyz', needsNone: 'all requests share one probe at a time' },
  }
}

/** Sends one of them, with more headers. */
export const sendPublic = (
  { http }: Pick<Rekey, 'http'>,
  route: string,
  { path, headers, body, form }: PublicRequest,
  more: Record<string, string> = {},
) => {
  const contentType = form ? 'application/x-www-form-urlencoded' : 'application/json'
  const text = form ? `${new URLSearchParams(form)}` : body && JSON.stringify(body)
  return http.send(
    route.split(' ')[0] ?? 'GET',
    path,
    { ...headers, ...(text !== undefined && { 'content-type': contentType }), ...more },
    text,
  )
}
