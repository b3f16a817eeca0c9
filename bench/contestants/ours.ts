import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Started } from '../harness/protocol.ts'

/** The variable by which the test support finds a running Postgres. */
const sharedPostgres = 'REKEY_TEST_POSTGRES_URL'

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

/**
 * The services of a checkout, as its own test support starts them: in the sandbox's profile, with hashes of full cost and
 * quotas that a load does not reach. Unlike in tests, Postgres writes durably.
 */
export const start = async (
  t: Teardown,
  { root = resolve(import.meta.dirname, '../..'), smtpUrl, customers = 0, env = {} }: Options,
): Promise<Started> => {
  const load = (path: string) => import(join(root, path))
  const servers = 'packages/local-servers/src'
  const [{ startPostgres }, { createDatabase }, { migrate }, { templateDatabase }] = await Promise.all([
    load(`${servers}/postgres.ts`),
    load(`${servers}/database.ts`),
    load(`${servers}/migrate.ts`),
    load('tests/support/postgres.ts'),
  ])
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-bench-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const postgres = await startPostgres({ dataDir })
  t.teardown(() => postgres.stop())
  await migrate({ databaseUrl: await createDatabase(postgres.url, templateDatabase) })
  process.env[sharedPostgres] = postgres.url

  const [{ startProcesses }, { createCustomer, sql }, { backOfficeToken }, { fullHashes }] = await Promise.all([
    load('tests/support/processes.ts'),
    load('tests/support/customers.ts'),
    load('tests/support/flows.ts'),
    load('tests/support/limits.ts'),
  ])
  const rekey = await startProcesses(t, {
    env: { ...fullHashes, REKEY_LIMITS_SCALE: '1000000', SMTP_URL: smtpUrl, ...env },
  })
  const created = []
  for (let made = 0; made < customers; made += 20) {
    const some = Array.from({ length: Math.min(20, customers - made) }, () => createCustomer(rekey.postgres.url))
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
      redisUrl: rekey.redis.url,
      pids: {
        'auth-gateway': rekey.gateway.pid,
        'password-service': rekey.passwordService.pid,
        notifier: rekey.notifier.pid,
      },
    },
  }
}
