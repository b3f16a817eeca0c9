import { seedSandbox } from '../services/password-service/src/customers/sandbox.ts'

// Inserts the sandbox's customers into the database of DATABASE_URL. Safe to run again.

try {
  const databaseUrl = process.env.DATABASE_URL
  if (!databaseUrl) throw new Error('DATABASE_URL is missing.')
  await seedSandbox(databaseUrl)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
