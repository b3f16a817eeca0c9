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

/** A Redis that is reached over TLS alone, and as the user of deploy/redis. */
export const startDeployedRedis = async (
  t: Teardown,
  { dataDir, certificate: { certFile, keyFile } }: { dataDir: string; certificate: Certificate },
) => {
  const server = await startRedis({ dataDir })
  t.teardown(() => server.stop())
  // A connection that stays when nobody else can make one like it.
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
    /** What the server refused to anybody. */
    denied: () => admin.acl('LOG'),
  }
}
