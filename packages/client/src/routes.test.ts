import { http } from '@rekey/contracts'
import t from 'tap'
import {
  answers,
  approval,
  approvalId,
  approvalNeeded,
  begunVerification,
  change,
  clientChange,
  clientRecord,
  codeSent,
  common,
  creation,
  enrolment,
  factor,
  foundClient,
  job,
  jobId,
  listedJob,
  message,
  opened,
  passkey,
  passkeyCredential,
  recoveryCodes,
  session,
  startServer,
  token,
  verification,
  waitingRestore,
} from './client.fixture.ts'

/** Documents, health and pages; and PATCH, which is the same as PUT. */
const withoutMethod = new Set([
  ...Object.keys(http).filter((route) => !/ \/(oauth|api)\//.test(route)),
  'GET /oauth/v2/authorize',
  'PATCH /api/v2/clients/:clientId/password',
])

const reset = { client_timezone: '-3', ip: '::1', response_type: 'access_token', source_system: 'IB' } as const

t.test('every method reaches its route with a request that the contract accepts', async (t) => {
  const { client, last } = await startServer(t)
  const ofFactors = { accessToken: 'a', successToken: 'st' }
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
      'GET /api/v2/my/sessions',
      () => client.listSessions({ accessToken: 'a' }),
      { total: 1, data: [{ ...session, current: true }] },
    ],
    [
      'DELETE /api/v2/my/sessions/:sessionId',
      () => client.endSession({ accessToken: 'a', sessionId: session.id }),
      undefined,
    ],
    ['GET /api/v2/my/factors', () => client.listFactors(ofFactors), { total: 1, data: [factor] }],
    ['POST /api/v2/my/factors/totp', () => client.enrolTotp({ ...ofFactors, label: 'My phone' }), enrolment],
    [
      'POST /api/v2/my/factors/totp/:factorId/confirm',
      () => client.confirmTotp({ ...ofFactors, factorId: factor.id, code: '516538' }),
      undefined,
    ],
    ['POST /api/v2/my/factors/passkey/options', () => client.requestPasskeyCreation(ofFactors), creation],
    [
      'POST /api/v2/my/factors/passkey',
      () => client.enrolPasskey({ ...ofFactors, label: 'My phone', credential: passkeyCredential }),
      passkey,
    ],
    ['POST /api/v2/my/factors/recovery-codes', () => client.issueRecoveryCodes(ofFactors), recoveryCodes],
    [
      'DELETE /api/v2/my/factors/:factorId',
      () => client.removeFactor({ ...ofFactors, factorId: factor.id }),
      undefined,
    ],
    ['DELETE /api/v2/my/sessions', () => client.endOtherSessions({ accessToken: 'a' }), undefined],
    [
      'GET /api/v2/clients',
      () => client.findClients({ accessToken: 'a', phone: '+447700900001' }),
      { total: 1, data: [foundClient] },
    ],
    ['GET /api/v2/clients/:clientId', () => client.getClient({ accessToken: 'a', clientId: 1 }), foundClient],
    [
      'PUT /api/v2/clients/:clientId/password',
      () => client.setClientPassword({ accessToken: 'a', clientId: 1, password: 'Qwerty123', send_mail: true }),
      undefined,
    ],
    [
      'GET /api/v2/clients/:clientId/password/changes',
      () => client.listClientPasswordChanges({ accessToken: 'a', clientId: 1, offset: 10 }),
      { total: 1, data: [clientChange] },
    ],
    [
      'GET /api/v2/clients/:clientId/password/changes/:changeId',
      () => client.getClientPasswordChange({ accessToken: 'a', clientId: 1, changeId: 7 }),
      clientChange,
    ],
    [
      'GET /api/v2/clients/:clientId/records',
      () => client.listClientRecords({ accessToken: 'a', clientId: 1, limit: 5 }),
      { total: 1, data: [clientRecord] },
    ],
    [
      'GET /api/v2/clients/:clientId/records/:recordId',
      () => client.getClientRecord({ accessToken: 'a', clientId: 1, recordId: 7 }),
      clientRecord,
    ],
    [
      'GET /api/v2/clients/:clientId/messages',
      () => client.listClientMessages({ accessToken: 'a', clientId: 1, limit: 5 }),
      { total: 1, data: [message] },
    ],
    [
      'GET /api/v2/clients/:clientId/sessions',
      () => client.listClientSessions({ accessToken: 'a', clientId: 1 }),
      { total: 1, data: [session] },
    ],
    [
      'DELETE /api/v2/clients/:clientId/sessions',
      () => client.endClientSessions({ accessToken: 'a', clientId: 1, reason: 'a reason' }),
      undefined,
    ],
    [
      'POST /api/v2/clients/:clientId/reset-password',
      () => client.resetClientPassword({ accessToken: 'a', clientId: 1, reason: 'a reason' }),
      {},
    ],
    ['POST /api/v2/clients/reset-password', () => client.resetAllPasswords({ accessToken: 'a' }), { jobId }],
    [
      'GET /api/v2/clients/:clientId/waiting-restore',
      () => client.listClientWaitingRestores({ accessToken: 'a', clientId: 1 }),
      { total: 1, data: [waitingRestore] },
    ],
    [
      'POST /api/v2/clients/:clientId/waiting-restore/veto',
      () => client.vetoClientWaitingRestore({ accessToken: 'a', clientId: 1, reason: 'a reason' }),
      undefined,
    ],
    [
      'POST /api/v2/clients/:clientId/waiting-restore/end-wait',
      () => client.endClientWait({ accessToken: 'a', clientId: 1, reason: 'a reason' }),
      approvalNeeded,
    ],
    [
      'GET /api/v2/clients/:clientId/factors',
      () => client.listClientFactors({ accessToken: 'a', clientId: 1 }),
      { total: 1, data: [factor] },
    ],
    [
      'DELETE /api/v2/clients/:clientId/factors',
      () => client.resetClientFactors({ accessToken: 'a', clientId: 1, reason: 'a lost phone' }),
      undefined,
    ],
    [
      'GET /api/v2/clients/:clientId/verifications',
      () => client.getVerification({ accessToken: 'a', clientId: 1 }),
      verification,
    ],
    [
      'POST /api/v2/clients/:clientId/verifications',
      () => client.beginVerification({ accessToken: 'a', clientId: 1, channel: 'email' }),
      begunVerification,
    ],
    [
      'POST /api/v2/clients/:clientId/verifications/:verificationId',
      () =>
        client.confirmVerification({
          accessToken: 'a',
          clientId: 1,
          verificationId: begunVerification.id,
          code: '516538',
        }),
      undefined,
    ],
    ['DELETE /api/v2/clients/:clientId/hold', () => client.endHold({ accessToken: 'a', clientId: 1 }), undefined],
    [
      'PUT /api/v2/clients/:clientId/block',
      () => client.blockClient({ accessToken: 'a', clientId: 1, reason: 'a reason' }),
      undefined,
    ],
    [
      'DELETE /api/v2/clients/:clientId/block',
      () => client.liftBlock({ accessToken: 'a', clientId: 1, reason: 'a reason' }),
      undefined,
    ],
    ['GET /api/v2/jobs', () => client.listJobs({ accessToken: 'a', limit: 5 }), { total: 1, data: [listedJob] }],
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
  const called = new Set(calls.map(([route]) => route))
  const missing = Object.keys(http).filter((route) => !called.has(route) && !withoutMethod.has(route))
  t.same(missing, [], 'every operation has a method')
})
