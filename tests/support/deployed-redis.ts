import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@rekey/local-servers/ports'
import { startRedis } from '@rekey/local-servers/redis'
import { Redis } from 'ioredis'
import type { Certificate } from './certificate.ts'
import type { Teardown } from './infrastructure.ts'

const user = readFileSync(join(import.meta.dirname, '../../deploy/redis/user.acl'), 'utf8')
const [, name = '', ...rules] = user.trim().split(' ')

/** Starts a Redis that accepts TLS alone, and only the user of deploy/redis. */
export const startDeployedRedis = async (
  t: Teardown,
  { dataDir, certificate: { certFile, keyFile } }: { dataDir: string; certificate: Certificate },
) => {
  const server = await startRedis({ dataDir })
  t.teardown(() => server.stop())
  // Opened before the default user is turned off, and used afterwards.
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())
  const port = await freePort()
  const password = randomBytes(16).toString('hex')
  const tls = { 'tls-cert-file': certFile, 'tls-key-file': keyFile, 'tls-ca-cert-file': certFile }
  const settings = Object.entries({ ...tls, 'tls-auth-clients': 'no', 'tls-port': String(port), port: '0' })
  await admin.config('SET', ...settings.flat())
  await admin.acl('SETUSER', name, ...rules, `>${password}`)
  await admin.acl('SETUSER', 'default', 'off')
  return {
    certFile,
    url: `rediss://${name}:${password}@localhost:${port}`,
    /** The server's log of refused commands and sign-ins. */
    denied: () => admin.acl('LOG'),
  }
}
