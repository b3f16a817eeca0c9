import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { fullHashes } from '@rekey/test-support/limits'
import type { Processes } from '@rekey/test-support/processes'
import type { Started } from '../harness/protocol.ts'

/** The variable by which the test support finds a running Postgres. */
const sharedPostgres = 'REKEY_TEST_POSTGRES_URL'
/** Customers that are created at a time. */
const atOnce = 20

interface Options {
  /** The folder of the checkout whose services start. */
  root?: string
  /** Where the notifier hands mails over. */
  smtpUrl: string
  /** How many customers to create, with hashes of full cost. */
  customers?: number
  env?: Record<string, string>
}

/** An argon2id hash of `an old password` with the parameters of new hashes. */
const fullHash = '$argon2id$v=19$m=19456,t=2,p=1$Yz78fCm+OaVe6hY89ljJUw$0P7x6J8BrSimN831hnY4hrcUOjsEXP0v6BkPwgwCz+A'

const firstFolder = (root: string, folders: string[]) => {
  const folder = folders.map((folder) => join(root, folder)).find(existsSync)
  if (!folder) throw new Error(`${root} has none of ${folders.join(', ')}`)
  return folder
}
/** An older checkout has its test support in another folder. */
const supportOf = (root: string) => firstFolder(root, ['tests/support', 'packages/testing/src'])

/** Starts a Postgres that writes durably, unlike that of tests, for the test support of the checkout to use. */
const startDurablePostgres = async (t: Teardown, root: string) => {
  const servers = firstFolder(root, ['packages/local-servers/src', 'packages/stack/src'])
  const load = (path: string): Promise<Record<string, CallableFunction>> => import(path)
  const [postgresModule, databaseModule, migrateModule, support] = await Promise.all([
    load(`${servers}/postgres.ts`),
    load(`${servers}/database.ts`),
    load(`${servers}/migrate.ts`),
    load(`${supportOf(root)}/postgres.ts`),
  ])
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-bench-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const postgres = await postgresModule?.startPostgres?.({ dataDir })
  t.teardown(() => postgres.stop())
  const databaseUrl = await databaseModule?.createDatabase?.(postgres.url, support?.templateDatabase)
  await migrateModule?.migrate?.({ databaseUrl })
  process.env[sharedPostgres] = postgres.url
}

/** Commands that the bench sends while the services run. */
const commandsOf = ({ gateway, passwordService, notifier, ...rekey }: Processes) => {
  const services = { 'auth-gateway': gateway, 'password-service': passwordService, notifier }
  return {
    async stop(...names: (keyof typeof services)[]) {
      await Promise.all(names.map((name) => services[name].stop()))
    },
    /** Starts a stopped service. @returns milliseconds until it was ready */
    async start(name: keyof typeof services) {
      const startedMs = performance.now()
      await services[name].restart()
      return performance.now() - startedMs
    },
    pidOf: async (name: keyof typeof services) => services[name].pid,
    /** Password hashes and verifications that the password-service has computed. */
    async hashes() {
      const text = await rekey.metricsOf('password-service')
      return Number(/^rekey_work_completed_total\{queue="password_hashes"\} (\d+)$/m.exec(text)?.[1])
    },
    /** Starts another instance on the same stores. */
    async startAnother(name: 'auth-gateway' | 'password-service') {
      const start = name === 'auth-gateway' ? rekey.startGateway : rekey.startPasswordService
      const { url, pid } = await start({})
      return { url, pid }
    },
  }
}

/**
 * The services of a checkout, as its own test support starts them: in the sandbox's profile, with hashes of full cost and
 * quotas that a load does not reach.
 */
export const start = async (
  t: Teardown,
  { root = resolve(import.meta.dirname, '../..'), smtpUrl, customers = 0, env = {} }: Options,
): Promise<Started> => {
  await startDurablePostgres(t, root)
  const support = supportOf(root)
  const [{ startProcesses }, { createCustomer, sql }, { backOfficeToken }] = await Promise.all([
    import(`${support}/processes.ts`),
    import(`${support}/customers.ts`),
    import(`${support}/flows.ts`),
  ])
  const rekey: Processes = await startProcesses(t, {
    env: { ...fullHashes, REKEY_LIMITS_SCALE: '1000000', SMTP_URL: smtpUrl, ...env },
    metrics: true,
  })
  const created = []
  for (let made = 0; made < customers; made += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, customers - made) }, () => createCustomer(rekey.postgres.url))
    created.push(...(await Promise.all(some)))
  }
  await sql(rekey.postgres.url, 'UPDATE credential SET hash = $1', [fullHash])
  await sql(rekey.postgres.url, 'ANALYZE')
  return {
    url: rekey.url,
    facts: {
      customers: created,
      staffToken: await backOfficeToken(rekey),
      databaseUrl: rekey.postgres.url,
      natsUrl: rekey.nats.url,
      passwordServiceUrl: rekey.passwordService.url,
      passwordServiceSecrets: rekey.keys?.passwordService,
    },
    commands: commandsOf(rekey),
  }
}
