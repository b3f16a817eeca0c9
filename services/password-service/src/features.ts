import { createBackOffice } from './back-office/back-office.feature.ts'
import { createCodes } from './codes/codes.feature.ts'
import { createCompromiseReports } from './compromise-reports/compromise-reports.feature.ts'
import type { Config } from './config.ts'
import { createCustomers } from './customers/customers.feature.ts'
import { createErasure } from './erasure/erasure.feature.ts'
import { createFactors } from './factors/factors.feature.ts'
import type { Feature } from './feature.ts'
import { createHashing } from './hashing/hashing.feature.ts'
import { createHistory } from './history/history.feature.ts'
import type { Infrastructure } from './infrastructure.ts'
import { createJobs } from './jobs/jobs.feature.ts'
import { createLockout } from './lockout/lockout.feature.ts'
import { createMessages } from './messages/messages.feature.ts'
import { createMySessions } from './my-sessions/my-sessions.feature.ts'
import { createOutbox } from './outbox/outbox.feature.ts'
import { createPasswords } from './passwords/passwords.feature.ts'
import { createPasswordPolicy } from './policy/policy.feature.ts'
import { createSessions } from './sessions/sessions.feature.ts'
import { createVerifications } from './verifications/verifications.feature.ts'
import { createWaitingRestores } from './waiting-restores/waiting-restores.feature.ts'

/** Creates the features of the password-service, in order: each stands after those that it calls. */
export const createFeatures = async (infra: Infrastructure, config: Config) => {
  const outbox = createOutbox(infra, config)
  const sessions = createSessions(infra)
  const history = createHistory(infra, config)
  const messages = createMessages(infra)
  const hashing = createHashing(infra, config)
  const customers = createCustomers(infra, config, hashing)
  const policy = await createPasswordPolicy(infra, config, hashing)
  const lockout = createLockout(infra, config)
  const codes = createCodes(infra, config, { lockout })
  const waitingRestores = createWaitingRestores(infra, config, { lockout })
  const passwords = createPasswords(infra, config, { hashing, policy, lockout, waitingRestores })
  const compromiseReports = createCompromiseReports(infra, { waitingRestores })
  const jobs = createJobs(infra)
  const factors = createFactors(infra, config)
  const backOffice = createBackOffice(infra, config, {
    hashing,
    policy,
    history,
    passwords,
    jobs,
    lockout,
    waitingRestores,
  })
  const features: Feature[] = [
    outbox,
    sessions,
    history,
    messages,
    hashing,
    customers,
    createErasure(infra),
    policy,
    lockout,
    codes,
    waitingRestores,
    passwords,
    compromiseReports,
    jobs,
    backOffice,
    createMySessions(infra),
    factors,
    createVerifications(infra, config, { lockout, factors }),
  ]
  return { features, sessions }
}
