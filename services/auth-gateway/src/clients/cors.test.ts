import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sandboxClients } from '@rekey/contracts'
import { createLogger } from '@rekey/platform/logger'
import { restoreBody } from '@rekey/test-support/flows'
import { declaredLines } from '@rekey/test-support/log-lines'
import { startRekey } from '@rekey/test-support/rekey'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { loadClientRegistry } from './client-registry.ts'
import { createRefusedOrigins } from './refused-origins.ts'

const log = createLogger({ name: 'test', level: 'silent' })
const bank = {
  client_id: 'bank',
  type: 'public',
  redirect_uris: ['https://bank.example/back'],
  origins: ['https://bank.example'],
  scopes: ['CUSTOMER:PASSWORD:RESTORE'],
}

const registryOf = (t: Test, profile: 'sandbox' | 'production') => {
  const path = join(t.testdir({}), 'clients.json')
  writeFileSync(path, JSON.stringify([bank]))
  return loadClientRegistry({ path, profile, signsWith: () => true, log })
}

const loopback = fc.tuple(
  fc.constantFrom('http://localhost', 'http://127.0.0.1', 'http://[::1]'),
  fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
)
const developmentOrigins = loopback.map(([origin, port]) => (port === undefined ? origin : `${origin}:${port}`))
const otherOrigins = fc.oneof(
  fc.webUrl({ withFragments: false }).map((url) => new URL(url).origin),
  developmentOrigins.map((origin) => origin.replace('http:', 'https:')),
  developmentOrigins.map((origin) => origin.replace('//', '//evil.')),
  developmentOrigins.map((origin) => `${origin.replace(/:\d+$/, '')}.evil.example`),
  developmentOrigins.map((origin) => `${origin}/`),
  fc.constantFrom('null', '', 'http://127.0.0.2', 'http://0.0.0.0:3000', 'http://localhost@evil.example', 'localhost'),
)

t.test('the sandbox allows registered origins and development servers of this machine, and no others', async (t) => {
  const registry = registryOf(t, 'sandbox')
  t.teardown(() => registry.close())
  fc.assert(fc.property(developmentOrigins, (origin) => registry.allowsOrigin(origin)))
  fc.assert(fc.property(otherOrigins, (origin) => !registry.allowsOrigin(origin)))
  t.ok(registry.allowsOrigin('https://bank.example'))
})

t.test('S48: production allows registered origins alone: no development server', async (t) => {
  const registry = registryOf(t, 'production')
  t.teardown(() => registry.close())
  fc.assert(fc.property(fc.oneof(developmentOrigins, otherOrigins), (origin) => !registry.allowsOrigin(origin)))
  t.ok(registry.allowsOrigin('https://bank.example'))
})

t.test('each refused origin is logged once an hour, a hundred at most, and only if it is an origin', async (t) => {
  const lines: string[] = []
  const destination = declaredLines(t, (line) => void lines.push(line))
  let now = Date.UTC(2026, 0, 1)
  const { report } = createRefusedOrigins({
    ownOrigin: 'https://id.example',
    log: createLogger({ name: 'test', level: 'info', destination }),
    now: () => new Date(now),
  })
  const logged = (origin: string) => {
    const before = lines.length
    report(origin)
    return lines.length > before
  }
  t.notOk(logged('https://id.example'), 'our own pages')
  fc.assert(fc.property(fc.string(), (text) => !logged(text)))
  for (const text of ['null', 'https://a.example/path', `https://${'a'.repeat(300)}.example`]) t.notOk(logged(text))
  t.ok(logged('https://one.example'))
  t.notOk(logged('https://one.example'))
  for (let index = 0; index < 1_000; index += 1) report(`https://${index}.example`)
  t.equal(lines.length, 100)
  now += 3_600_000
  t.ok(logged('https://one.example'))
})

t.test('a development server may call the sandbox; the log says how to allow another origin', async (t) => {
  const rekey = await startRekey(t)
  const restoreFrom = (origin: string) =>
    rekey.http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com'), {
      origin,
      'sec-fetch-site': 'cross-site',
    })
  for (const origin of ['http://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:8000']) {
    const answer = await restoreFrom(origin)
    t.match(
      { status: answer.status, allowed: answer.headers.get('access-control-allow-origin') },
      { status: 200, allowed: origin },
    )
  }
  const refused = await restoreFrom('https://app.example')
  t.match(
    { status: refused.status, allowed: refused.headers.get('access-control-allow-origin') },
    { status: 403, allowed: null },
  )
  const lines = (await rekey.logOf('auth-gateway')).filter(({ event }) => event === 'origin_refused')
  t.match(lines, [{ origin: 'https://app.example', msg: /add it to "origins" of a client in REKEY_CLIENTS_FILE/ }])
})

t.test('the list of demo clients is the sandbox’s registry', async (t) => {
  const registry: { client_id: string; secret_sha256?: string }[] = JSON.parse(
    readFileSync(new URL('./sandbox.json', import.meta.url), 'utf8'),
  )
  t.same(
    sandboxClients.map(({ id, secret }) => ({
      client_id: id,
      ...(secret !== undefined && { secret_sha256: createHash('sha256').update(secret).digest('hex') }),
    })),
    registry.map(({ client_id, secret_sha256 }) => ({ client_id, ...(secret_sha256 && { secret_sha256 }) })),
  )
})
