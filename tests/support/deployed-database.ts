import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import pg from 'pg'
import type { Certificate } from './certificate.ts'
import { sql } from './customers.ts'
import { eventually } from './eventually.ts'
import type { Teardown } from './infrastructure.ts'

const folder = join(import.meta.dirname, '../../deploy/postgres')
const script = (name: string) => readFileSync(join(folder, name), 'utf8')

/** Turns on TLS. @returns `url` with settings that accept this certificate alone */
const encrypt = async (url: string, { certFile, keyFile }: Certificate) => {
  const settings = { ssl_cert_file: certFile, ssl_key_file: keyFile, ssl: 'on' }
  for (const [name, value] of Object.entries(settings)) {
    await sql(url, `ALTER SYSTEM SET ${name} = ${pg.escapeLiteral(value)}`)
  }
  await sql(url, 'SELECT pg_reload_conf()')
  await eventually(async () => (await sql<{ ssl: string }>(url, 'SHOW ssl'))[0]?.ssl === 'on', { what: 'TLS' })
  const secure = new URL(url)
  secure.hostname = 'localhost'
  secure.searchParams.set('sslmode', 'verify-full')
  secure.searchParams.set('sslrootcert', certFile)
  return secure.href
}

/**
 * Starts a database with TLS and the roles of deploy/postgres. Returns the URLs of its superuser, its owner and the
 * password-service's role.
 */
export const startDeployedDatabase = async (
  t: Teardown,
  { dataDir, certificate }: { dataDir: string; certificate: Certificate },
) => {
  // Production refuses a server that a power cut can corrupt.
  const server = await startPostgres({ dataDir })
  t.teardown(() => server.stop())
  const superuser = await encrypt(await createDatabase(server.url, 'production'), certificate)
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
