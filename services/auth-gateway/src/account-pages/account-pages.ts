import { CustomersSummary, type CustomersSummaryReply, scopes } from '@rekey/contracts'
import type { Feature } from '@rekey/platform/feature'
import { maxPasswordLength, minPasswordLength } from '@rekey/platform/password-length'
import { callRpc } from '@rekey/platform/rpc'
import type { Server } from '@rekey/platform/server'
import type { FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose/jwt/decode'
import { resendCooldownMs } from '../challenges/resend-cooldown.ts'
import type { Clients } from '../clients/clients.ts'
import type { Config } from '../config.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { Layout } from '../layout/layout.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { Limits } from '../limits/limits.ts'
import type { Logins } from '../login/login.ts'
import type { ProofSteps } from '../pages/proof-steps.ts'
import { strengthOf } from '../pages/strength.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Grant } from '../token/grants.ts'
import type { TwoFactor } from '../two-factor/two-factor.ts'
import { accountRoutes } from './account.routes.ts'
import { type AccountState, accountIdleMs, createAccountSessions } from './account-session.ts'
import type { AccountFacts, AccountView } from './account-view.ts'
import { createPasswordChange } from './password-change.service.ts'
import { createPasswordServiceClient } from './password-service.ts'
import { securityRoutes } from './security.routes.ts'
import { createSecurity } from './security.service.ts'
import { createSecurityPasskeys } from './security-passkeys.ts'
import { createSecurityProof } from './security-proof.ts'
import { type KeptSignIn, signInRoutes } from './sign-in.routes.ts'
import { createSignIn } from './sign-in.service.ts'
import { createSignedIn } from './signed-in.ts'

type Settings = Pick<
  Config,
  | 'REKEY_PASSWORD_SERVICE_URL'
  | 'REKEY_PASSWORD_MIN_LENGTH'
  | 'REKEY_SIGN_IN_MFA'
  | 'REKEY_CODE_DIGITS'
  | 'REKEY_CODE_TTL_SECONDS'
  | 'REKEY_RESEND_SECONDS'
  | 'REKEY_LIMITS_SCALE'
>

interface Deps {
  layout: Layout
  limits: Limits
  accountKeys: AccountKeys
  clients: Clients
  logins: Logins
  grant: Grant
  twoFactor: TwoFactor
  proofs: ProofSteps
  sessions: Sessions
}

/** Longer than the challenge of a sign-in lives, so that a tab that was put away says what happened. */
const signInLifeMs = 30 * 60_000

/** The time zone of a new token's customer; UTC if the password-service does not answer: the sign-in goes on. */
const createTimezones = (find: (request: { customer: string }) => Promise<CustomersSummaryReply>) => {
  return async (accessToken: string): Promise<string> => {
    const { sub = '' } = decodeJwt(accessToken)
    const found = await find({ customer: sub }).catch(() => undefined)
    return found?.found ? found.timezone : 'UTC'
  }
}

/** The client that customers of the account pages sign in with; undefined: there are no such pages. */
export const accountClientOf = ({ defaultClientId, find }: Pick<Clients, 'defaultClientId' | 'find'>) =>
  defaultClientId !== undefined && find(defaultClientId)?.scopes.includes(scopes.full) ? defaultClientId : undefined

/**
 * The account pages: sign-in by the steps of A4, change of the password, history, sessions, security. Served if the default client
 * may sign customers in.
 */
export const createAccountPages = (infra: Infrastructure, config: Settings, deps: Deps): Feature => {
  const { broker, now, random, log, tls } = infra
  const { layout, limits, accountKeys, clients, logins, grant, twoFactor, proofs, sessions } = deps
  const clientId = accountClientOf(clients)
  if (clientId === undefined) return {}

  const { pageScope, render, statesOf, textsOf, jar } = layout
  const texts = textsOf('account')
  const cooldownMs = resendCooldownMs(config)
  const facts: AccountFacts = {
    codeDigits: config.REKEY_CODE_DIGITS,
    codeLifeSeconds: config.REKEY_CODE_TTL_SECONDS,
    minPasswordLength: minPasswordLength(config),
    maxPasswordLength,
  }
  const accountView = ({ view }: FastifyRequest): AccountView => ({ view, t: texts(view.language), facts, now: now() })

  const routes = async (app: Server): Promise<void> => {
    const { verifyToken } = app
    const states = statesOf<AccountState>('account', accountIdleMs)
    const accounts = createAccountSessions({ jar, states, sessions, verifyToken, random, now })
    const passwords = createPasswordServiceClient({ upstream: config.REKEY_PASSWORD_SERVICE_URL, fetch: tls.fetch })
    const signIn = createSignIn({
      logins,
      grant,
      clientId,
      beginAccount: accounts.begin,
      timezoneOf: createTimezones((request) => callRpc(broker, CustomersSummary, request)),
      codeTtlMs: config.REKEY_CODE_TTL_SECONDS * 1_000,
      cooldownMs,
      now,
      log,
    })
    const change = createPasswordChange({
      twoFactor,
      proofs,
      passwords,
      spendPassword: limits.spendPassword,
      endSession: accounts.endSession,
      accountOfCustomer: accountKeys.ofCustomer,
      strengthOf,
      cooldownMs,
      now,
      log,
    })
    const proof = createSecurityProof({ twoFactor, cooldownMs, now, log })
    const customers = createSignedIn(accounts)
    await pageScope(app, (scope) => {
      const pages = { accounts, accountView, render, random, now }
      signInRoutes(scope, { ...pages, signIn, states: statesOf<KeptSignIn>('sign-in', signInLifeMs) })
      accountRoutes(scope, { ...pages, customers, clientId, change, sessions: sessions.list, passwords })
      const passkeys = createSecurityPasskeys({ passwords })
      securityRoutes(scope, { ...pages, customers, security: createSecurity({ proof, passkeys, passwords, now, log }) })
    })
  }
  return { routes }
}
