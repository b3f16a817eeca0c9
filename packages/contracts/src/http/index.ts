import { Approve, GetApproval, ListApprovals, Reject } from './approvals.ts'
import { Authorize } from './authorize.ts'
import {
  BlockClient,
  EndHold,
  GetClientPasswordChange,
  GetClientRecord,
  LiftBlock,
  ListClientPasswordChanges,
  ListClientRecords,
  PatchClientPassword,
  ResetAllPasswords,
  ResetClientPassword,
  SetClientPassword,
} from './back-office.ts'
import { FindClients, GetClient } from './clients.ts'
import { AsyncapiDocument, OpenapiDocument } from './documents.ts'
import type { Endpoint } from './endpoint.ts'
import {
  ConfirmTotp,
  EnrolPasskey,
  EnrolTotp,
  IssueRecoveryCodes,
  ListClientFactors,
  ListFactors,
  RemoveFactor,
  RequestPasskeyCreation,
  ResetClientFactors,
} from './factors.ts'
import { Healthz, Readyz } from './health.ts'
import { CancelJob, GetJob, ListJobs } from './jobs.ts'
import { Login, SendChallenge } from './login.ts'
import { ListClientMessages } from './messages.ts'
import { ChangePassword, GetPasswordChange, ListPasswordChanges, RestorePassword } from './passwords.ts'
import { PasswordRestore, PasswordRestoreReset, PasswordRestoreVerification } from './restore.ts'
import { EndClientSessions, EndOtherSessions, EndSession, ListClientSessions, ListSessions } from './sessions.ts'
import { Introspect, Revoke, Token } from './token.ts'
import { AnswerChallenge, OpenChallenge, OpenUnauthorizedChallenge } from './two-factor.ts'
import { BeginVerification, ConfirmVerification, GetVerification } from './verifications.ts'
import { EndClientWait, ListClientWaitingRestores, VetoClientWaitingRestore } from './waiting-restores.ts'
import {
  AuthorizationServerMetadata,
  ChangePasswordPage,
  Jwks,
  PasskeyEndpoints,
  RelatedOrigins,
} from './well-known.ts'

/** Every public route. docs/openapi.json is generated from this list, and a test compares the services' routes with it. */
export const http = {
  'GET /oauth/v2/authorize': Authorize,
  'POST /oauth/v2/passwordRestore': PasswordRestore,
  'POST /oauth/v2/passwordRestoreVerification': PasswordRestoreVerification,
  'POST /oauth/v2/passwordRestoreReset': PasswordRestoreReset,
  'POST /oauth/v2/login': Login,
  'POST /oauth/v2/challenge': SendChallenge,
  'POST /oauth/v2/token': Token,
  'POST /oauth/v2/revoke': Revoke,
  'POST /oauth/v2/introspect': Introspect,
  'GET /api/v2/my/2fa/challenge': OpenChallenge,
  'GET /api/v2/my/2fa/unauthorized/challenge': OpenUnauthorizedChallenge,
  'POST /api/v2/my/2fa/challenge': AnswerChallenge,
  'POST /api/v2/my/password/change': ChangePassword,
  'POST /api/v2/my/password/restore': RestorePassword,
  'GET /api/v2/my/password/changes': ListPasswordChanges,
  'GET /api/v2/my/password/changes/:changeId': GetPasswordChange,
  'GET /api/v2/my/sessions': ListSessions,
  'DELETE /api/v2/my/sessions': EndOtherSessions,
  'DELETE /api/v2/my/sessions/:sessionId': EndSession,
  'GET /api/v2/my/factors': ListFactors,
  'POST /api/v2/my/factors/totp': EnrolTotp,
  'POST /api/v2/my/factors/totp/:factorId/confirm': ConfirmTotp,
  'POST /api/v2/my/factors/passkey/options': RequestPasskeyCreation,
  'POST /api/v2/my/factors/passkey': EnrolPasskey,
  'POST /api/v2/my/factors/recovery-codes': IssueRecoveryCodes,
  'DELETE /api/v2/my/factors/:factorId': RemoveFactor,
  'GET /api/v2/clients': FindClients,
  'GET /api/v2/clients/:clientId': GetClient,
  'PUT /api/v2/clients/:clientId/password': SetClientPassword,
  'PATCH /api/v2/clients/:clientId/password': PatchClientPassword,
  'GET /api/v2/clients/:clientId/password/changes': ListClientPasswordChanges,
  'GET /api/v2/clients/:clientId/password/changes/:changeId': GetClientPasswordChange,
  'GET /api/v2/clients/:clientId/records': ListClientRecords,
  'GET /api/v2/clients/:clientId/records/:recordId': GetClientRecord,
  'POST /api/v2/clients/:clientId/reset-password': ResetClientPassword,
  'POST /api/v2/clients/reset-password': ResetAllPasswords,
  'DELETE /api/v2/clients/:clientId/hold': EndHold,
  'GET /api/v2/clients/:clientId/factors': ListClientFactors,
  'DELETE /api/v2/clients/:clientId/factors': ResetClientFactors,
  'GET /api/v2/clients/:clientId/verifications': GetVerification,
  'POST /api/v2/clients/:clientId/verifications': BeginVerification,
  'POST /api/v2/clients/:clientId/verifications/:verificationId': ConfirmVerification,
  'GET /api/v2/clients/:clientId/waiting-restore': ListClientWaitingRestores,
  'POST /api/v2/clients/:clientId/waiting-restore/veto': VetoClientWaitingRestore,
  'POST /api/v2/clients/:clientId/waiting-restore/end-wait': EndClientWait,
  'PUT /api/v2/clients/:clientId/block': BlockClient,
  'DELETE /api/v2/clients/:clientId/block': LiftBlock,
  'GET /api/v2/clients/:clientId/messages': ListClientMessages,
  'GET /api/v2/jobs': ListJobs,
  'GET /api/v2/clients/:clientId/sessions': ListClientSessions,
  'DELETE /api/v2/clients/:clientId/sessions': EndClientSessions,
  'GET /api/v2/jobs/:jobId': GetJob,
  'POST /api/v2/jobs/:jobId/cancel': CancelJob,
  'GET /api/v2/approvals': ListApprovals,
  'GET /api/v2/approvals/:approvalId': GetApproval,
  'POST /api/v2/approvals/:approvalId/approve': Approve,
  'POST /api/v2/approvals/:approvalId/reject': Reject,
  'GET /.well-known/jwks.json': Jwks,
  'GET /.well-known/oauth-authorization-server': AuthorizationServerMetadata,
  'GET /.well-known/change-password': ChangePasswordPage,
  'GET /.well-known/passkey-endpoints': PasskeyEndpoints,
  'GET /.well-known/webauthn': RelatedOrigins,
  'GET /openapi.json': OpenapiDocument,
  'GET /asyncapi.json': AsyncapiDocument,
  'GET /healthz': Healthz,
  'GET /readyz': Readyz,
} as const satisfies Record<string, Endpoint>
