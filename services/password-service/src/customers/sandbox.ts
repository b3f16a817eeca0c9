import { type SandboxCustomer, sandboxCustomers } from '@rekey/contracts'
import { type Keys, toKeys } from '@rekey/platform/keys'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { withSettings } from '@rekey/platform/postgres-settings'
import { createQueue } from '@rekey/platform/queue'
import { systemRandom } from '@rekey/platform/random'
import pg from 'pg'
import { sealSecret } from '../factor-secrets/factor-secret.ts'
import { usualTotp } from '../factor-secrets/totp.ts'
import { argon2Floor } from '../hashing/argon2.ts'
import { createHasher } from '../hashing/hasher.ts'

const log = createLogger({ name: 'seed', level: 'error' })
const hasher = createHasher({
  queue: createQueue({
    name: 'password_hashes',
    concurrency: 1,
    waiting: sandboxCustomers.length,
    elapsedMs: () => performance.now(),
    metrics: createMetrics(),
    log,
  }),
  peppers: [],
  cost: argon2Floor,
  random: systemRandom,
  log,
})

const insertTotp = async (client: pg.Client, keys: Keys, customerId: number, secret: string) => {
  const id = systemRandom.id()
  const { sealedSecret, sealKeyId } = sealSecret(keys, { id, customerId }, usualTotp(secret))
  await client.query(
    `INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, created_at, confirmed_at)
     VALUES ($1, $2, 'totp', 'Sandbox', $3, $4, now(), now())`,
    [id, customerId, sealedSecret, sealKeyId],
  )
  await client.query(`UPDATE customer SET factor_kinds = '{totp}' WHERE id = $1`, [customerId])
}

const insert = async (
  client: pg.Client,
  keys: Keys,
  { id, code, password, addresses, totpSecret }: SandboxCustomer,
) => {
  const { rowCount } = await client.query(
    `INSERT INTO customer (id, code, locale, timezone) VALUES ($1, $2, 'en-GB', 'Europe/London') ON CONFLICT DO NOTHING`,
    [id, code],
  )
  if (rowCount === 0) return
  for (const { kind, value } of addresses) {
    await client.query(
      'INSERT INTO identifier (customer_id, kind, value, verified_at) VALUES ($1, $2::identifier_kind, $3, now())',
      [id, kind, value],
    )
  }
  await client.query('INSERT INTO credential (customer_id, hash, updated_at) VALUES ($1, $2, now())', [
    id,
    await hasher.hash(password),
  ])
  if (totpSecret !== undefined) await insertTotp(client, keys, id, totpSecret)
}

interface SeedConfig {
  DATABASE_URL: string
  /** Seals the secret of the authenticator app: the password-service's. */
  REKEY_FACTOR_SEAL_KEY: string
}

/**
 * Inserts the sandbox's customers into a migrated database. An existing one is left unchanged, with its password and its
 * factors.
 *
 * @throws Error naming the database, if it cannot be reached or is not migrated
 */
export const seedSandbox = async ({
  DATABASE_URL: databaseUrl,
  REKEY_FACTOR_SEAL_KEY: factorKeys,
}: SeedConfig): Promise<void> => {
  const keys = toKeys(factorKeys)
  const client = new pg.Client({ connectionString: withSettings(databaseUrl), connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('BEGIN')
    for (const person of sandboxCustomers) await insert(client, keys, person)
    // Later customers get ids after these.
    await client.query(
      `SELECT setval('customer_id_seq', greatest((SELECT max(id) FROM customer), (SELECT last_value FROM customer_id_seq)))`,
    )
    await client.query('COMMIT')
  } catch (cause) {
    const { message, code } = cause as Error & { code?: string }
    const { host, pathname } = new URL(databaseUrl)
    throw new Error(`Cannot seed the database ${host}${pathname}: ${message || code}`, { cause })
  } finally {
    await client.end().catch(() => {})
  }
}
