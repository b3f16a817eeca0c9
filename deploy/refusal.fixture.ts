import { createHash } from 'node:crypto'
import { startRedis } from '@rekey/local-servers/redis'
import { runToItsEnd } from '@rekey/test-support/service-process'
import { Redis } from 'ioredis'
import type { Test } from 'tap'

/** A Redis without persistence. */
export const startVolatileRedis = async (t: Test, port?: number) => {
  const redis = await startRedis({ port })
  t.teardown(() => redis.stop())
  return redis
}

/** Makes a Redis evict the least recently used keys. */
export const evict = async (url: string) => {
  const client = new Redis(url)
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
  client.disconnect()
}

/** Runs a service that must refuse its configuration, and returns the errors that it prints on standard error. */
export const errorsOf = async (t: Test, name: string, env: Record<string, string>) => {
  const { code, stdout, stderr } = await runToItsEnd(name, { PORT: '0', ...env })
  const [first, ...errors] = stderr.trimEnd().split('\n')
  t.equal(code, 1, stderr)
  t.equal(stdout, '')
  t.equal(first, `${name}: Configuration refused:`)
  return errors.map((error) => error.trim())
}

/** Asserts that each prefix is that of exactly one error, and that there are no other errors. */
export const assertErrors = (t: Test, errors: string[], prefixes: string[]) => {
  t.same(
    prefixes.filter((prefix) => errors.filter((error) => error.startsWith(prefix)).length !== 1),
    [],
    errors.join('\n'),
  )
  t.equal(errors.length, prefixes.length, errors.join('\n'))
}

export const demoClients = [
  {
    client_id: 'ib_localhost',
    type: 'public',
    redirect_uris: ['http://localhost'],
    origins: [],
    scopes: ['CUSTOMER:FULL'],
  },
  {
    client_id: 'back_office',
    type: 'confidential',
    secret_sha256: createHash('sha256').update('secretkey').digest('hex'),
    redirect_uris: ['http://bank.example/back'],
    origins: ['http://bank.example'],
    scopes: ['REST:FULL'],
  },
]
