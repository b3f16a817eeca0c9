import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@rekey/local-servers/postgres'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { installFolder } from '../../scripts/tools/install.ts'
import { startProgram } from '../harness/program.ts'
import type { Started } from '../harness/protocol.ts'

const folder = join(import.meta.dirname, '../peers/better-auth')

interface Options {
  smtpUrl: string
  users: number
}

/** Better Auth with a Postgres of its own. */
export const start = async (t: Teardown, { smtpUrl, users }: Options): Promise<Started> => {
  await installFolder(folder)
  const dir = mkdtempSync(join(tmpdir(), 'rekey-bench-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const postgres = await startPostgres({ dataDir: join(dir, 'postgres') })
  t.teardown(() => postgres.stop())
  const { url } = await startProgram(t, {
    name: 'better-auth',
    dataDir: join(dir, 'better-auth'),
    command: process.execPath,
    args: [join(folder, 'better-auth.js')],
    env: { NODE_ENV: 'production', DATABASE_URL: postgres.url, SMTP_URL: smtpUrl, USERS: String(users) },
    readyPath: '/api/auth/ok',
    timeoutMs: 120_000,
  })
  return { url, facts: { emails: Array.from({ length: users }, (_, index) => `user.${index}@example.com`) } }
}
