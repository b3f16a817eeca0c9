import { loadConfig } from '@rekey/platform/config'
import { Type } from '@sinclair/typebox'
import { Env } from '../services/password-service/src/config.ts'
import { seedSandbox } from '../services/password-service/src/customers/sandbox.ts'

// Inserts the sandbox's customers, whose passwords and secrets are published, into the database of DATABASE_URL. Safe to
// run again.

const SeedEnv = Type.Pick(Env, ['DATABASE_URL', 'REKEY_FACTOR_SEAL_KEY', 'REKEY_SECRETS_FILE'])

try {
  if (process.env.REKEY_PROFILE !== 'sandbox') {
    throw new Error('The seed is for the sandbox alone: REKEY_PROFILE=sandbox.')
  }
  await seedSandbox(loadConfig(SeedEnv, process.env))
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
