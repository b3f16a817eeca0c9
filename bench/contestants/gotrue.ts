import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@rekey/local-servers/postgres'
import type { Teardown } from '@rekey/test-support/infrastructure'
import pg from 'pg'
import { startProgram } from '../harness/program.ts'
import type { Started } from '../harness/protocol.ts'

interface Options {
  binary: string
  smtpUrl: string
  users: number
}

/** Requests to sign up at a time: each hashes a password. */
const atOnce = 4

/** Supabase Auth with a Postgres of its own, the mail server of the bench, and no rate limits, as on our side. */
export const start = async (t: Teardown, { binary, smtpUrl, users }: Options): Promise<Started> => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-bench-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const postgres = await startPostgres({ dataDir: join(dir, 'postgres') })
  t.teardown(() => postgres.stop())
  const client = new pg.Client(postgres.url)
  await client.connect()
  await client.query(`
    CREATE ROLE postgres;
    CREATE SCHEMA auth;
    ALTER ROLE CURRENT_USER SET search_path = 'auth'`)
  await client.end()

  const { hostname, port: smtpPort } = new URL(smtpUrl)
  const { url } = await startProgram(t, {
    name: 'supabase-auth',
    dataDir: join(dir, 'auth'),
    command: binary,
    args: [],
    env: {
      DATABASE_URL: postgres.url,
      DB_NAMESPACE: 'auth',
      GOTRUE_DB_DRIVER: 'postgres',
      GOTRUE_API_HOST: '127.0.0.1',
      GOTRUE_SITE_URL: 'http://localhost',
      API_EXTERNAL_URL: 'http://localhost',
      GOTRUE_JWT_SECRET: 'a secret of the bench with more than 32 characters',
      // Unlimited by default, with two idle connections: each burst would open new ones.
      GOTRUE_DB_MAX_POOL_SIZE: '20',
      GOTRUE_DB_MAX_IDLE_POOL_SIZE: '20',
      GOTRUE_JWT_AUD: 'authenticated',
      GOTRUE_MAILER_AUTOCONFIRM: 'true',
      GOTRUE_SMTP_HOST: hostname,
      GOTRUE_SMTP_PORT: smtpPort,
      GOTRUE_SMTP_ADMIN_EMAIL: 'no-reply@example.com',
      GOTRUE_SMTP_SENDER_NAME: 'Bank',
      GOTRUE_SMTP_MAX_FREQUENCY: '1ns',
      GOTRUE_RATE_LIMIT_EMAIL_SENT: '1000000000/1h',
    },
    readyPath: '/health',
    timeoutMs: 120_000,
  })
  const emails = Array.from({ length: users }, (_, index) => `user.${index}@example.com`)
  for (let first = 0; first < users; first += atOnce) {
    const signUps = emails.slice(first, first + atOnce).map(async (email) => {
      const answer = await fetch(`${url}/signup`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password: 'an old password' }),
      })
      if (!answer.ok) throw new Error(`the sign-up was answered ${answer.status}: ${await answer.text()}`)
    })
    await Promise.all(signUps)
  }
  return { url, facts: { emails } }
}
