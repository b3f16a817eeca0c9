import { http, type RekeyError } from '@rekey/contracts'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import { createServer } from '@rekey/platform/server'
import { createClient } from './index.ts'

export const change = {
  id: 7,
  type: 'restored',
  createTime: '2026-11-21T20:37:12+00:00',
  operation: 'restore',
  actor: 'client',
  channel: 'email',
  ip: '203.0.113.7',
  digest: 'ab',
}
export const clientChange = { ...change, actorId: 'backend_fin', approvedBy: 'another' }
const { type: _, ...record } = clientChange
export const clientRecord = { ...record, operation: 'lift_block', actor: 'back_office', reason: 'a reason' }
export const foundClient = {
  id: 1,
  customer: 'EN00000CY',
  status: 'active',
  identifiers: [{ kind: 'email', value: 'bpmtestusr1@gmail.com', verifiedAt: change.createTime }],
  mustChange: false,
}
export const codeSent = { mfa_token: 'm', code: '0042', error: 'mfa_code_required', error_description: 'd', state: 's' }
export const opened = { token: 't', provider: 'email', expiresAt: '2026-11-21T20:47:12+00:00' }
export const approvalId = '018f0000-0000-7000-8000-000000000001'
export const jobId = '018f0000-0000-7000-8000-000000000002'
export const job = { state: 'running', total: 3, done: 1, failed: 0 }
export const listedJob = {
  id: jobId,
  ...job,
  actorId: 'backend_fin',
  createTime: change.createTime,
}
export const approval = {
  id: approvalId,
  action: 'reset_all',
  state: 'pending',
  maker: 'backend_fin',
  createTime: change.createTime,
  expiresAt: change.createTime,
}
export const session = {
  id: '018f0000-0000-7000-8000-000000000003',
  client: 'ib_localhost',
  createdAt: change.createTime,
  lastUsedAt: change.createTime,
  ip: '203.0.113.7',
}
export const factor = {
  id: '018f0000-0000-7000-8000-000000000004',
  kind: 'totp',
  label: 'My phone',
  createdAt: change.createTime,
  young: false,
}
export const enrolment = { id: factor.id, secret: 'GEZDGNBV', uri: 'otpauth://totp/a', qr: '<svg></svg>' }
export const creation = {
  rp: { id: 'bank.example', name: 'Bank' },
  user: { id: 'AAAA', name: 'b*1@gmail.com', displayName: 'b*1@gmail.com' },
  challenge: 'AAAA',
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  timeout: 600_000,
  excludeCredentials: [],
  authenticatorSelection: { residentKey: 'preferred', requireResidentKey: false, userVerification: 'required' },
  attestation: 'none',
}
export const passkey = { ...factor, kind: 'passkey' }
export const passkeyCredential = {
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key' as const,
  response: { clientDataJSON: 'AAAA', attestationObject: 'AAAA' },
}
export const recoveryCodes = { codes: Array.from({ length: 10 }, () => '7HXK-2M9Q-VW3C-T8ZD') }
export const verification = {
  required: true,
  verifiedUntil: change.createTime,
  channels: [{ channel: 'email', to: 'b*1@gmail.com' }, { channel: 'otp' }],
}
export const begunVerification = {
  id: '018f0000-0000-7000-8000-000000000005',
  channel: 'email',
  words: 'amber river',
  expiresAt: change.createTime,
}
export const message = {
  id: 48211,
  kind: 'code',
  purpose: 'restore',
  channel: 'email',
  to: 'b*1@gmail.com',
  askedAt: change.createTime,
  status: 'waiting',
  attempts: 0,
}
export const waitingRestore = {
  id: factor.id,
  state: 'waiting',
  channel: 'email',
  clientId: 'ib_localhost',
  ip: '203.0.113.7',
  createTime: change.createTime,
  endsAt: change.createTime,
  expiresAt: change.createTime,
  lastNotice: 'opened',
}
export const approvalNeeded = { approvalId, expiresAt: change.createTime }
export const token = { access_token: 'a', token_type: 'bearer', expires_in: 3600, scope: 'CUSTOMER:FULL' }

/** Answers of the server by route. A route without one answers 204. */
export const answers: Partial<Record<keyof typeof http, unknown>> = {
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
  'GET /api/v2/my/sessions': { total: 1, data: [{ ...session, current: true }] },
  'GET /api/v2/my/factors': { total: 1, data: [factor] },
  'GET /api/v2/clients/:clientId/factors': { total: 1, data: [factor] },
  'POST /api/v2/my/factors/totp': enrolment,
  'POST /api/v2/my/factors/passkey/options': creation,
  'POST /api/v2/my/factors/passkey': passkey,
  'POST /api/v2/my/factors/recovery-codes': recoveryCodes,
  'GET /api/v2/clients/:clientId/verifications': verification,
  'POST /api/v2/clients/:clientId/verifications': begunVerification,
  'GET /api/v2/clients/:clientId/waiting-restore': { total: 1, data: [waitingRestore] },
  'POST /api/v2/clients/:clientId/waiting-restore/end-wait': approvalNeeded,
  'GET /api/v2/clients/:clientId/messages': { total: 1, data: [message] },
  'GET /api/v2/clients/:clientId/sessions': { total: 1, data: [session] },
  'GET /api/v2/jobs': { total: 1, data: [listedJob] },
  'POST /oauth/v2/passwordRestoreReset': {},
  'POST /oauth/v2/revoke': {},
  'POST /oauth/v2/introspect': { active: false },
  'GET /api/v2/clients': { total: 1, data: [foundClient] },
  'GET /api/v2/clients/:clientId': foundClient,
  'GET /api/v2/clients/:clientId/password/changes': { total: 1, data: [clientChange] },
  'GET /api/v2/clients/:clientId/password/changes/:changeId': clientChange,
  'GET /api/v2/clients/:clientId/records': { total: 1, data: [clientRecord] },
  'GET /api/v2/clients/:clientId/records/:recordId': clientRecord,
  'POST /api/v2/clients/:clientId/reset-password': {},
  'POST /api/v2/clients/reset-password': { jobId },
  'GET /api/v2/jobs/:jobId': job,
  'POST /api/v2/jobs/:jobId/cancel': job,
  'GET /api/v2/approvals': { total: 1, data: [approval] },
  'GET /api/v2/approvals/:approvalId': approval,
}

/** A server with the schemas and error forms of the contracts: it refuses a request that violates them. */
export const startServer = async (t: Tap, error?: RekeyError) => {
  const app = await createServer({
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
    random: systemRandom,
    trustedProxies: [],
  })
  const seen: { route: string; headers: Record<string, unknown>; query: unknown; params: unknown; body: unknown }[] = []
  for (const [route, schema] of Object.entries(http)) {
    const [method = '', url = ''] = route.split(' ')
    app.route({
      method,
      url,
      // Not typed by the schema: the answers are of all routes.
      schema: schema as object,
      config: { public: true },
      async handler({ headers, query, params, body }, reply) {
        seen.push({ route, headers, query, params, body })
        if (error) throw error
        const answer = answers[route as keyof typeof http]
        return answer === undefined ? reply.code(204).send() : answer
      },
    })
  }
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return { client: createClient({ baseUrl, retries: 0 }), baseUrl, last: () => seen.at(-1) }
}
type Tap = { teardown(work: () => unknown): void }

export const common = {
  client_id: 'ib_localhost',
  client_timezone: '-3',
  redirect_uri: 'http://localhost',
  response_type: 'access_token',
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  source_system: 'IB',
  state: 's',
  username: 'bpmtestusr1@gmail.com',
} as const
