import { seedSandbox } from '../services/password-service/src/customers/sandbox.ts'

// Inserts the sandbox's customers, whose passwords are published, into the database of DATABASE_URL. Safe to run again.

try {
  const { DATABASE_URL: databaseUrl, REKEY_PROFILE: profile } = process.env
  if (profile !== 'sandbox') throw new Error('The seed is for the sandbox alone: REKEY_PROFILE=sandbox.')
  if (!databaseUrl) throw new Error('DATABASE_URL is missing.')
  await seedSandbox(databaseUrl)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
