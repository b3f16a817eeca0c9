import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDatabase } from '@rekey/stack/database'
import { migrate } from '@rekey/stack/migrate'
import { startPostgres } from '@rekey/stack/postgres'
import { sql } from './customers.ts'
import type { Teardown } from './infrastructure.ts'

const folder = join(import.meta.dirname, '../../../deploy/postgres')
const script = (name: string) => readFileSync(join(folder, name), 'utf8')

/** A database exactly as deploy/postgres makes it; URLs of its superuser, its owner and the password-service's role. */
export const startDeployedDatabase = async (t: Teardown, dataDir: string) => {
  const server = await startPostgres({ dataDir, durable: false })
  t.teardown(() => server.stop())
  const superuser = await createDatabase(server.url, 'production')
  await sql(superuser, script('roles.sql'))
  const signIn = async (role: string) => {
    const password = randomBytes(16).toString('hex')
    await sql(superuser, `ALTER ROLE ${role} PASSWORD '${password}'`)
    const url = new URL(superuser)
    url.username = role
    url.password = password
    return url.href
  }
  const owner = await signIn('rekey_owner')
  await migrate({ databaseUrl: owner })
  await sql(owner, script('grants.sql'))
  return { superuser, owner, service: await signIn('rekey_service') }
}
