import { CustomersGet, CustomersUpsert, PasswordStatus, PasswordVerify, ReportCompromise } from '@rekey/contracts'
import { auth } from '@rekey/platform/auth'
import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import { toProxyList } from '@rekey/platform/config'
import { createDeadLetters } from '@rekey/platform/dead-letter'
import { acceptForms } from '@rekey/platform/form'
import { health } from '@rekey/platform/health'
import { createIdentityProvider } from '@rekey/platform/identity-provider'
import { createIssuerKeys } from '@rekey/platform/issuer-keys'
import { createProgress } from '@rekey/platform/progress'
import { createPublisher } from '@rekey/platform/publisher'
import { createQueue } from '@rekey/platform/queue'
import { readQuota } from '@rekey/platform/quota'
import { serveRpcs } from '@rekey/platform/rpc'
import type { Runtime } from '@rekey/platform/run'
import { toKey } from '@rekey/platform/seal'
import { createServer, registerScope, type Server } from '@rekey/platform/server'
import { ensureStreams } from '@rekey/platform/streams'
import { createActions } from './back-office/actions.ts'
import { approvalRoutes } from './back-office/approvals.routes.ts'
import { createApprovals } from './back-office/approvals.service.ts'
import { createApprovalStore, deleteExpiredApprovals, wipeExpiredApprovals } from './back-office/approvals.store.ts'
import { backOfficeRoutes } from './back-office/back-office.routes.ts'
import { createBackOffice } from './back-office/back-office.service.ts'
import { reportRoutes } from './back-office/block.routes.ts'
import { createHolds } from './back-office/end-hold.ts'
import { holdRoutes } from './back-office/hold.routes.ts'
import { createHoldStore } from './back-office/hold.store.ts'
import { createResets } from './back-office/reset-password.ts'
import { consumeChallengeIssued } from './codes/challenge-issued.consumer.ts'
import { createCodes } from './codes/codes.service.ts'
import { consumeRestoreRequested } from './codes/restore-requested.consumer.ts'
import { createReports } from './compromise-reports/compromise-reports.service.ts'
import { createReportStore } from './compromise-reports/report-compromise.ts'
import type { Config } from './config.ts'
import { createRecordReader } from './customers/customer-record.ts'
import { createCustomers } from './customers/customers.service.ts'
import { createCustomerStore, deleteExpiredRestores } from './customers/customers.store.ts'
import { createUpserts } from './customers/upsert-customers.ts'
import { createUpsertStore } from './customers/upserts.store.ts'
import { loopOptions, openDatabase } from './database.ts'
import { createHasher, parsePeppers } from './hashing/hasher.ts'
import { historyRoutes } from './history/history.routes.ts'
import { createHistory } from './history/history.service.ts'
import { createHistoryStore } from './history/history.store.ts'
import { jobRoutes } from './jobs/jobs.routes.ts'
import { createJobs } from './jobs/jobs.service.ts'
import { createJobStore } from './jobs/jobs.store.ts'
import { startWorker } from './jobs/worker.ts'
import { consumeAnswers } from './lockout/answered.consumers.ts'
import { createBudgetStore, deleteOldSends, deleteUnclaimedFailures } from './lockout/failed-attempts.store.ts'
import { createBudgets } from './lockout/lockout.service.ts'
import { createNotices } from './notifications/notifications.ts'
import { createReportLinks } from './notifications/report-links.ts'
import { createOutboxGauges, createRefusalCounter } from './outbox/gauges.ts'
import { outboxStreams } from './outbox/lanes.ts'
import { listenForOutbox } from './outbox/listener.ts'
import { countReady, createOutboxStore, deletePublished } from './outbox/outbox.store.ts'
import { startRelay } from './outbox/relay.ts'
import { createLots } from './passwords/decoy.ts'
import { consumeLoginSucceeded } from './passwords/login-succeeded.consumer.ts'
import { passwordRoutes } from './passwords/passwords.routes.ts'
import { createPasswords } from './passwords/passwords.service.ts'
import { createPasswordStore, deleteExpiredTokens } from './passwords/passwords.store.ts'
import { createReplacement } from './passwords/replace-password.ts'
import { createResetStore } from './passwords/reset-passwords.ts'
import { restoreResetRoutes } from './passwords/restore-reset.routes.ts'
import { createRestoreReset } from './passwords/restore-reset.service.ts'
import { createStatus } from './passwords/status.service.ts'
import { createStatusStore } from './passwords/status.store.ts'
import { createVerification } from './passwords/verification.service.ts'
import { createBreaches } from './policy/breach.ts'
import { loadCommonPasswords } from './policy/common-passwords.ts'
import { createContextWords } from './policy/context-words.ts'
import { createFormerPasswordStore, deleteFormerPasswords } from './policy/former-passwords.store.ts'
import { createPolicy, minLengthWithoutMfa } from './policy/policy.ts'
import { createReuse } from './policy/reuse.ts'
import { consumeSessionRevoked } from './sessions/session-revoked.consumer.ts'
import { createSessionStore, deleteExpiredSessions } from './sessions/sessions.store.ts'
import { startSweeper } from './sweeper.ts'

const service = 'password-service'

/** The password-service, wired by hand. Neither Postgres nor the broker nor the gateway needs to be there yet. */
export const createApp = async (config: Config, { log, metrics, now, random }: Runtime): Promise<Server> => {
  const addressKey = toKey(config.REKEY_ADDRESS_SEAL_KEY)
  const usernameKey = toKey(config.REKEY_USERNAME_SEAL_KEY)
  const requireCurrentPassword = config.REKEY_REQUIRE_CURRENT_PASSWORD ?? config.REKEY_PROFILE === 'production'

  const database = openDatabase({ url: config.DATABASE_URL, poolSize: config.REKEY_DATABASE_POOL, log })
  const elapsedMs = () => performance.now()
  const progress = createProgress({ elapsedMs, metrics })
  const loops = openDatabase({ ...loopOptions, url: config.DATABASE_URL, log })
  const broker = connectBroker({ ...brokerAccess(config), name: service, log, metrics })
  ensureStreams(broker, ['PASSWORD', 'NOTIFY'], config)
  const publisher = createPublisher({ broker, source: service, now, random })
  const deadLetters = createDeadLetters({ broker, metrics })

  const queue = createQueue({
    name: 'password_hashes',
    concurrency: config.REKEY_HASH_CONCURRENCY,
    waiting: config.REKEY_HASH_QUEUE,
    elapsedMs,
    metrics,
    log,
  })
  const hasher = createHasher({ queue, peppers: parsePeppers(config.REKEY_PASSWORD_PEPPERS), random, log })

  const refusesCommon = config.REKEY_PASSWORD_BLOCKLIST ?? config.REKEY_PROFILE === 'production'
  const breaches =
    config.REKEY_BREACH_URL === undefined
      ? undefined
      : createBreaches({ url: config.REKEY_BREACH_URL, timeoutMs: config.REKEY_BREACH_TIMEOUT_MS, log, metrics })
  const former = createFormerPasswordStore({ database, kept: config.REKEY_PASSWORD_HISTORY })
  const minLength = Math.max(config.REKEY_PASSWORD_MIN_LENGTH, config.REKEY_SIGN_IN_MFA ? 0 : minLengthWithoutMfa)
  const policy = createPolicy({
    minLength,
    isCommon: refusesCommon ? await loadCommonPasswords() : () => false,
    isContextWord: createContextWords({ brand: config.REKEY_BRAND, publicUrl: config.REKEY_PUBLIC_URL }),
    isLeaked: breaches?.isLeaked ?? (async () => false),
    refuseReused: createReuse({ hasher, former, isKept: config.REKEY_PASSWORD_HISTORY > 0 }),
  })

  const outbox = createOutboxStore()
  const changes = createHistoryStore({ database })
  const customers = createCustomerStore({ database })
  const sessions = createSessionStore({ database })
  const store = createPasswordStore({
    database,
    endOtherRestores: customers.endOtherRestores,
    endSessions: sessions.endAll,
    keepFormer: former.keep,
    appendChange: changes.append,
    addEvents: outbox.add,
  })

  const reportKey = toKey(config.REKEY_REPORT_KEY)
  const reportLinks = createReportLinks({ key: reportKey, origin: config.REKEY_PUBLIC_URL, now, random })
  const notices = createNotices({ addressKey, reportLink: reportLinks.make, random })
  const holdMs = config.REKEY_HOLD_HOURS * 3_600_000
  const replacement = createReplacement({ store, hasher, notices, holdMs, now, random })
  const scale = config.REKEY_LIMITS_SCALE
  const sends = readQuota(config.REKEY_LIMIT_CODE_ACCOUNT, scale)
  const budgetStore = createBudgetStore({ database, sends, addEvents: outbox.add })
  const budgets = createBudgets({ store: budgetStore, notices, metrics, scale, now, log })
  const passwords = createPasswords({
    store,
    policy,
    hasher,
    replacement,
    budgets,
    isEnded: sessions.isEnded,
    requireCurrentPassword,
    minLength,
    now,
    random,
    log,
  })
  const restoreReset = createRestoreReset(passwords)
  const history = createHistory({ store: changes })

  const resetStore = createResetStore({
    database,
    endRestores: customers.endRestoresOfMany,
    endSessions: sessions.endAllOfMany,
    appendChanges: changes.appendAll,
    addEvents: outbox.addAll,
  })
  const resets = createResets({ store: resetStore, notices, now, random })
  const jobStore = createJobStore({ database, loops })
  const jobs = createJobs({ store: jobStore, now, random, log })
  const carryOut = createActions({ replacement, resets, jobs, log })
  const approvalStore = createApprovalStore({ database })
  const approvals = createApprovals({ store: approvalStore, carryOut, now, random, log })
  const perform = config.REKEY_BACK_OFFICE_FOUR_EYES ? approvals.request : carryOut
  const backOffice = createBackOffice({ findCustomer: store.findById, policy, replacement, history, perform })

  const holdStore = createHoldStore({ database, addEvents: outbox.add })
  const holds = createHolds({ store: holdStore, now, random, log })
  const status = createStatus({ store: createStatusStore({ database }), budgets, now })
  const verify = createVerification({ store, hasher, lotOf: createLots(reportKey), now, log })
  const reportStore = createReportStore({
    database,
    endRestores: (tx, customerId) => customers.endOtherRestores(tx, customerId, undefined),
    forgive: budgets.forgive,
    endSessions: sessions.endAll,
    addEvents: outbox.add,
  })
  const reports = createReports({ store: reportStore, readLink: reportLinks.read, usernameKey, now, random, log })
  const upsert = createUpserts({
    store: createUpsertStore({ database }),
    endRestores: customers.endRestoresOfMany,
    addEvents: outbox.addAll,
    now,
    random,
  })
  const readRecord = createRecordReader({ faultOf: hasher.faultOf })
  const platform = createCustomers({ store: customers, readRecord, upsert, log })
  const codes = createCodes({
    store: customers,
    budgets,
    publisher,
    keys: { username: usernameKey, address: addressKey },
    metrics,
    now,
    log,
  })

  const app = await createServer({ log, random, trustedProxies: toProxyList(config.REKEY_TRUSTED_PROXIES) })
  const gatewayKeys = createIssuerKeys({ jwksUrl: config.REKEY_JWKS_URL, now })
  await app.register(auth, {
    issuer: config.REKEY_PUBLIC_URL,
    publicKey: (kid) => gatewayKeys({ alg: 'EdDSA', kid }),
    identityProvider: createIdentityProvider(config, { ownIssuer: config.REKEY_PUBLIC_URL, now }),
    isEnded: sessions.isEnded,
    now,
  })
  await registerScope(app, async (oauth) => {
    acceptForms(oauth)
    restoreResetRoutes(oauth, restoreReset)
  })
  passwordRoutes(app, passwords)
  historyRoutes(app, history)
  backOfficeRoutes(app, backOffice)
  jobRoutes(app, jobs)
  approvalRoutes(app, approvals)
  reportRoutes(app, reports)
  holdRoutes(app, holds)
  await app.register(health, { checks: { postgres: database.check, nats: () => broker.check() }, progress })

  const rpcs = serveRpcs(
    { broker, ready: database.check, random, log },
    { name: service, version: '0.1.0', description: 'Customers and their passwords.' },
    [
      { rpc: PasswordVerify, answer: verify },
      { rpc: PasswordStatus, answer: status },
      { rpc: ReportCompromise, answer: reports.report },
      { rpc: CustomersGet, answer: platform.get },
      { rpc: CustomersUpsert, answer: platform.upsert },
    ],
  )
  const retryMs = config.REKEY_EVENT_RETRY_HOURS * 3_600_000
  const messaging = { broker, metrics, progress, now, random, log, service, retryMs }
  const consumers = [
    consumeRestoreRequested(messaging, codes),
    consumeChallengeIssued(messaging, codes),
    ...consumeAnswers(messaging, budgets),
    consumeLoginSucceeded(messaging, passwords.spendTemporary),
    consumeSessionRevoked(messaging, { revoke: sessions.revoke, now }),
  ]
  createOutboxGauges({ loops, metrics, now })
  const refusals = createRefusalCounter(metrics)
  const relaying = { loops, publisher, deadLetters, source: service, retryMs, refusals, elapsedMs, now, log }
  const relays = outboxStreams.map((stream) => startRelay(stream, { ...relaying, broker, progress }))
  const wakeRelays = () => {
    for (const relay of relays) relay.wake()
  }
  const listener = listenForOutbox({ url: config.DATABASE_URL, onNews: wakeRelays, log })
  broker.onConnect(async () => wakeRelays())
  const worker = startWorker({
    store: jobStore,
    resetPart: resets.resetPart,
    countReady: (most) => countReady(loops, most),
    progress,
    now,
    random,
    log,
  })
  const sweeper = startSweeper({
    deletions: {
      'published events': deletePublished(loops),
      'expired restores': deleteExpiredRestores(loops),
      'old sends': deleteOldSends(loops, sends),
      'unclaimed failures': deleteUnclaimedFailures(loops),
      'expired tokens': deleteExpiredTokens(loops),
      'expired sessions': deleteExpiredSessions(loops),
      'former passwords': deleteFormerPasswords(loops, config.REKEY_PASSWORD_HISTORY),
      'passwords of expired approvals': wipeExpiredApprovals(loops),
      'expired approvals': deleteExpiredApprovals(loops),
    },
    metrics,
    progress,
    now,
    log,
  })

  // Fastify has answered every request by now. What takes work in stops first, then what carries it out, and what all
  // of them stand on last. An event that did not leave any more waits in Postgres.
  app.addHook('onClose', async () => {
    await Promise.all([rpcs.close(), worker.close(), ...consumers.map((consumer) => consumer.close())])
    await Promise.all([listener.close(), sweeper.close(), breaches?.close(), ...relays.map((relay) => relay.close())])
    await broker.close()
    await Promise.all([database.close(), loops.close()])
  })
  return app
}
