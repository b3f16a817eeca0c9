import type { Feature } from '@rekey/platform/feature'
import { deriveKeys, toKeys } from '@rekey/platform/keys'
import { maxPasswordLength, minPasswordLength } from '@rekey/platform/password-length'
import type { Server } from '@rekey/platform/server'
import type { Infrastructure } from '../infrastructure.ts'
import type { Layout } from '../layout/layout.ts'
import type { Limits } from '../limits/limits.ts'
import { actPage, type DoneAct } from './act.page.ts'
import { approvalsPage } from './approvals.page.ts'
import { consoleScope } from './console-scope.ts'
import { customerPage } from './customer.page.ts'
import { donePage } from './done.page.ts'
import { findPage } from './find.page.ts'
import { historyPage } from './history.page.ts'
import { createIdentityProviderClient } from './identity-provider-client.ts'
import { jobsPage } from './jobs.page.ts'
import { messagesPage } from './messages.page.ts'
import { consolePath } from './return-path.ts'
import { sessionsPage } from './sessions.page.ts'
import { readConsoleSettings } from './settings.ts'
import { signInPage } from './sign-in.page.ts'
import { createSignIn } from './sign-in.service.ts'
import { createSignInLog } from './sign-in-log.ts'
import { createStaffSessions, longestMs } from './staff-sessions.service.ts'
import { createStaffSessionStore } from './staff-sessions.store.ts'
import { type BegunState, verificationPage } from './verification.page.ts'

type Settings = Parameters<typeof readConsoleSettings>[0] &
  Parameters<typeof minPasswordLength>[0] & {
    REKEY_PUBLIC_URL: string
    REKEY_REFRESH_KEY: string
    REKEY_BACK_OFFICE_FOUR_EYES: boolean
  }

const verificationStateMs = 30 * 60_000

interface Deps {
  layout: Layout
  limits: Pick<Limits, 'spendToken'>
}

/**
 * The staff console, a client of the platform's identity provider and of this gateway's own API. Without configuration it
 * has no routes: /staff answers 404.
 *
 * @throws ConfigError if variables that it needs are missing
 */
export const createConsole = (infra: Infrastructure, config: Settings, { layout, limits }: Deps): Feature => {
  const settings = readConsoleSettings(config)
  if (!settings) return {}
  const provider = createIdentityProviderClient(settings, `${config.REKEY_PUBLIC_URL}${consolePath}/callback`)
  const keys = toKeys(config.REKEY_REFRESH_KEY)
  const store = createStaffSessionStore(infra.redis)
  const states = layout.statesOf<DoneAct>('console-act', longestMs)
  /** Longer than a code is accepted: a page that was open says so. */
  const verifications = layout.statesOf<BegunState>('console-verification', verificationStateMs)
  const hasFourEyes = config.REKEY_BACK_OFFICE_FOUR_EYES
  const facts = { minPasswordLength: minPasswordLength(config), maxPasswordLength }

  return {
    routes(app: Server) {
      const sessions = createStaffSessions({
        ...infra,
        store,
        keys: deriveKeys(keys, 'console session'),
        provider,
        issuer: settings.issuer,
        readBearer: (token) => app.readBearer(token),
      })
      const signIn = createSignIn({ ...infra, keys: deriveKeys(keys, 'console sign-in'), provider })
      return consoleScope(app, { layout, sessions, log: infra.log }, (desk) => {
        signInPage(desk, {
          signIn,
          sessions,
          jar: layout.jar,
          spendToken: limits.spendToken,
          log: createSignInLog(infra.log),
        })
        findPage(desk)
        customerPage(desk)
        historyPage(desk)
        messagesPage(desk)
        sessionsPage(desk)
        approvalsPage(desk)
        jobsPage(desk)
        actPage(desk, { states, hasFourEyes, facts, random: infra.random })
        verificationPage(desk, { states: verifications, random: infra.random })
        donePage(desk, { states })
      })
    },
  }
}
