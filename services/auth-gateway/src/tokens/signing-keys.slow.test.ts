import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { backOfficeToken, signIn } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { keepAsking } from '@rekey/test-support/load'
import { startRekey } from '@rekey/test-support/rekey'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { createApp } from '../app.ts'

const rekey = await startRekey(t)
const { http, gatewayConfig, clock } = rekey
const file = gatewayConfig.REKEY_SIGNING_KEYS_FILE

/** Runs the operator's command. */
const rotate = (...args: string[]) =>
  new Promise<string>((resolve, reject) => {
    const script = join(import.meta.dirname, '../../../../scripts/keys.ts')
    const child = spawn(process.execPath, [script, 'rotate', dirname(file), ...args])
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.once('close', (code) =>
      code === 0 ? resolve(/Added (\S+),/.exec(output)?.[1] ?? '') : reject(new Error(output)),
    )
  })

const kidOf = (token: string) => decodeProtectedHeader(token).kid
const jwksOf = async ({ get }: Pick<typeof http, 'get'>) =>
  (await get<{ keys: { kid: string }[] }>('/.well-known/jwks.json')).body.keys.map(({ kid }) => kid)
const history = async (token: string) =>
  (await http.get('/api/v2/my/password/changes', { authorization: `Bearer ${token}` })).status
const backOfficeHistory = async (token: string) =>
  (await http.get('/api/v2/clients/1/password/changes', { authorization: `Bearer ${token}` })).status

t.test('S29: no request fails while the operator’s command rotates the keys', async (t) => {
  const old = await signIn(rekey, await createCustomer(rekey.postgres.url))
  const verifierKeys = createRemoteJWKSet(new URL(`${rekey.url}/.well-known/jwks.json`), { cooldownDuration: 0 })
  const load = keepAsking(4, async () => {
    const token = await backOfficeToken(rekey)
    const verified = await jwtVerify(token, verifierKeys, { issuer: rekey.url, audience: 'rekey:api', typ: 'at+jwt' })
    return { kid: verified.protectedHeader.kid, status: await backOfficeHistory(token) }
  })
  const added = await rotate('--after', '1')
  const withNewKey = () => load.results.filter(({ kid }) => kid === added).length >= 100
  await eventually(withNewKey, { what: 'a hundred tokens signed by the new key' })
  const results = await load.stop()
  t.same(new Set(results.map(({ status }) => status)), new Set([200]), `${results.length} tokens issued and used`)
  t.same(new Set(results.map(({ kid }) => kid)), new Set([kidOf(old), added]))
  t.equal(await history(old), 200, 'a token of the old key stays valid')
  await t.resolves(jwtVerify(old, verifierKeys))
})

t.test('S29: every instance publishes a key before any signs with it', async (t) => {
  const log = createLogger({ name: 'another', level: 'silent' })
  const another = await createApp(gatewayConfig, {
    log,
    metrics: createMetrics(),
    now: clock.now,
    random: systemRandom,
  })
  t.teardown(() => another.close())
  const gateways = [http, createHttp(await another.listen({ host: '127.0.0.1', port: 0 }))]
  const signers = () => Promise.all(gateways.map(async (http) => kidOf(await backOfficeToken({ http }))))

  const old = await backOfficeToken(rekey)
  const added = await rotate()
  for (const gateway of gateways) await eventually(async () => (await jwksOf(gateway)).includes(added))
  t.same(await signers(), [kidOf(old), kidOf(old)])
  // sign_from is in whole seconds.
  clock.advance(1_201_000)
  t.same(await signers(), [added, added])
  t.equal(await backOfficeHistory(old), 200)
  t.equal(await backOfficeHistory(await backOfficeToken(rekey)), 200)
})

t.test('S29: a key file with errors is refused, and the previous keys stay', async (t) => {
  const before = readFileSync(file, 'utf8')
  const kids = await jwksOf(http)
  const [key] = JSON.parse(before).keys
  const invalidFiles: [object, string][] = [
    [{ keys: [] }, '/keys: must NOT have fewer than 1 items'],
    [{ keys: [key, key] }, '/keys/1/kid: is used by another key'],
    [{ keys: [{ ...key, d: 'AAAA' }] }, '/keys/0: is no valid key pair'],
    [{ keys: [{ ...key, x: 'A'.repeat(43) }] }, '/keys/0: is no valid key pair'],
    [{ keys: [{ ...key, sign_from: 'soon' }] }, '/keys/0/sign_from: must be integer'],
  ]
  for (const [content, error] of invalidFiles) {
    const seen = rekey.logs.length
    writeFileSync(file, JSON.stringify(content))
    const line = await eventually(() => rekey.logs.slice(seen).find((line) => line.includes('REKEY_SIGNING_KEYS_FILE')))
    t.match(JSON.parse(line), { event: 'file_refused', errors: [`REKEY_SIGNING_KEYS_FILE ${error}`] })
    t.notMatch(line, key.d)
    t.same(await jwksOf(http), kids)
    t.equal(await backOfficeHistory(await backOfficeToken(rekey)), 200)
  }

  const only = { ...key, kid: 'only', sign_from: 4_000_000_000 }
  writeFileSync(file, JSON.stringify({ keys: [only] }))
  const isOnly = async () => kidOf(await backOfficeToken(rekey)) === 'only'
  await eventually(isOnly, { what: 'the only key to sign before its sign_from' })
})
