import { loadConfig } from '@rekey/platform/config'
import { toKeys } from '@rekey/platform/keys'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { Type } from '@sinclair/typebox'
import { Env } from '../config.ts'
import { loopOptions, openDatabase } from '../database.ts'
import { databaseUrls } from '../database-urls.ts'
import { notifyRelays } from '../outbox/outbox.store.ts'
import { type Erasure, eraseCustomer } from './erase-customer.ts'

/** The variables that `npm run customers -- erase` reads. */
const ErasureEnv = Type.Object({
  ...Type.Pick(Env, ['DATABASE_URL', 'REKEY_DATABASE_DIRECT_URL', 'REKEY_SECRETS_FILE']).properties,
  REKEY_USERNAME_SEAL_KEY: Type.Optional(Env.properties.REKEY_USERNAME_SEAL_KEY),
})

/**
 * Creates the erasure of customers with its own database connections.
 *
 * @throws ConfigError
 */
export const openErasure = (env: Record<string, string | undefined>) => {
  const config = loadConfig(ErasureEnv, env)
  const { url, pooled } = databaseUrls(config)
  const loops = openDatabase({
    ...loopOptions,
    url,
    pooled,
    poolSize: 1,
    // The command prints the result.
    log: createLogger({ name: 'erasure', level: 'silent' }),
  })
  const key = config.REKEY_USERNAME_SEAL_KEY
  const deps = { loops, now: () => new Date(), random: systemRandom, usernameKeys: key ? toKeys(key) : undefined }
  return {
    /** True if the gateway is sent the usernames whose counts it deletes. */
    namesUsernames: key !== undefined,
    async erase(erasure: Erasure) {
      const erased = await eraseCustomer(deps, erasure)
      if (erased && !erasure.dryRun) await loops.query(notifyRelays)
      return erased
    },
    close: () => loops.close(),
  }
}
