import { SetClientPassword } from './back-office.ts'
import { Healthz, Readyz } from './health.ts'
import { Login, SendChallenge } from './login.ts'
import { ChangePassword, GetPasswordChange, ListPasswordChanges, RestorePassword } from './passwords.ts'
import { PasswordRestore, PasswordRestoreVerification } from './restore.ts'
import { Token } from './token.ts'
import { AnswerChallenge, OpenChallenge, OpenUnauthorizedChallenge } from './two-factor.ts'
import { AuthorizationServerMetadata, Jwks } from './well-known.ts'

/** Every public route by method and path: what the OpenAPI document is made from and what a test holds the routes to. */
export const http = {
  'POST /oauth/v2/passwordRestore': PasswordRestore,
  'POST /oauth/v2/passwordRestoreVerification': PasswordRestoreVerification,
  'POST /oauth/v2/login': Login,
  'POST /oauth/v2/challenge': SendChallenge,
  'POST /oauth/v2/token': Token,
  'GET /api/v2/my/2fa/challenge': OpenChallenge,
  'GET /api/v2/my/2fa/unauthorized/challenge': OpenUnauthorizedChallenge,
  'POST /api/v2/my/2fa/challenge': AnswerChallenge,
  'POST /api/v2/my/password/change': ChangePassword,
  'POST /api/v2/my/password/restore': RestorePassword,
  'GET /api/v2/my/password/changes': ListPasswordChanges,
  'GET /api/v2/my/password/changes/:changeId': GetPasswordChange,
  'PUT /api/v2/clients/:clientId/password': SetClientPassword,
  'PATCH /api/v2/clients/:clientId/password': SetClientPassword,
  'GET /.well-known/jwks.json': Jwks,
  'GET /.well-known/oauth-authorization-server': AuthorizationServerMetadata,
  'GET /healthz': Healthz,
  'GET /readyz': Readyz,
} as const
