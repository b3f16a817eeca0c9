import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { calculateJwkThumbprint, importJWK } from 'jose'
import { nkeys } from 'nats'
import { type Test, test } from 'tap'
import { brokerKeysFile, generateKeys, type KeyProfile, keyFiles, nkeyFile } from './keys.ts'

const generate = async (t: Test, profile: KeyProfile = 'production') => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-keys-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return { dir, files: keyFiles(dir), written: await generateKeys(dir, profile) }
}

const secrets = (path: string) => parseEnv(readFileSync(path, 'utf8'))

test('S36: only the owner can access the files, whatever the umask', async (t) => {
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  for (const profile of ['sandbox', 'production'] as const) {
    const { dir, written } = await generate(t, profile)
    t.same(readdirSync(dir).toSorted(), written.toSorted())
    for (const name of written) t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name)
  }
})

test('keys of the sandbox have a prefix, the usual length and randomness, and production has others', async (t) => {
  const { files, written } = await generate(t, 'sandbox')
  t.same(written, ['auth-gateway.env', 'password-service.env', 'notifier.env', 'signing-keys.json'])
  const all = [files.authGateway, files.passwordService, files.notifier].flatMap((file) => Object.values(secrets(file)))
  t.equal(new Set(all).size, 9)
  for (const secret of all) {
    t.match(secret, /^sandbox_[A-Za-z0-9_-]{35}$/)
    t.equal(Buffer.from(secret ?? '', 'base64url').length, 32)
  }
  const { keys } = JSON.parse(readFileSync(files.signingKeys, 'utf8'))
  t.equal(keys[0].kid, `sandbox_${await calculateJwkThumbprint(keys[0])}`)
})

test('keys of production are random, with a pepper and a user of the broker for each service', async (t) => {
  const { dir, files } = await generate(t)
  const all = [files.authGateway, files.passwordService, files.notifier].flatMap((file) => Object.values(secrets(file)))
  t.notMatch(all.join(), 'sandbox')
  t.match(secrets(files.passwordService).REKEY_PASSWORD_PEPPERS, /^p1:[A-Za-z0-9_-]{43}$/)
  const existing = secrets(brokerKeysFile(dir))
  t.equal(Object.keys(existing).length, 7)
  const seed = readFileSync(nkeyFile(dir, 'auth-gateway'), 'utf8').trim()
  t.match(seed, /^SU/)
  t.equal(existing.NATS_AUTH_GATEWAY, nkeys.fromSeed(Buffer.from(seed)).getPublicKey())
  rmSync(brokerKeysFile(dir))
  t.same(await generateKeys(dir), ['nats-server.env'])
  t.same(secrets(brokerKeysFile(dir)), existing, 'derived from the seeds again')
})

test('a service gets its own secrets and shares only the keys of sealed fields', async (t) => {
  const { files } = await generate(t)
  const gateway = secrets(files.authGateway)
  const passwords = secrets(files.passwordService)
  const notifier = secrets(files.notifier)
  t.same(Object.keys(passwords).toSorted(), [
    'REKEY_ADDRESS_SEAL_KEY',
    'REKEY_FACTOR_SEAL_KEY',
    'REKEY_PASSWORD_PEPPERS',
    'REKEY_REPORT_KEY',
    'REKEY_USERNAME_SEAL_KEY',
  ])
  t.same(Object.keys(notifier).toSorted(), ['REKEY_ADDRESS_SEAL_KEY', 'REKEY_CODE_SEAL_KEY'])
  t.equal(gateway.REKEY_USERNAME_SEAL_KEY, passwords.REKEY_USERNAME_SEAL_KEY)
  t.equal(gateway.REKEY_CODE_SEAL_KEY, notifier.REKEY_CODE_SEAL_KEY)
  t.equal(passwords.REKEY_ADDRESS_SEAL_KEY, notifier.REKEY_ADDRESS_SEAL_KEY)
  const { REKEY_PASSWORD_PEPPERS: _, ...ofPasswords } = passwords
  const all = Object.values({ ...gateway, ...ofPasswords, ...notifier })
  t.equal(new Set(all).size, 9)
  for (const secret of all) t.match(secret, /^[A-Za-z0-9_-]{43}$/)
})

test('the signing key is a private Ed25519 key with its thumbprint as id', async (t) => {
  const { files } = await generate(t)
  const { keys } = JSON.parse(readFileSync(files.signingKeys, 'utf8'))
  t.match(keys, [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', d: String }])
  t.equal(keys[0].kid, await calculateJwkThumbprint(keys[0]))
  await t.resolves(importJWK(keys[0], 'EdDSA'))
})

test('existing files are not overwritten, and a lost file gets the shared secrets again', async (t) => {
  const { dir, files } = await generate(t)
  const before = readFileSync(files.authGateway, 'utf8')
  t.same(await generateKeys(dir), [])
  rmSync(files.notifier)
  t.same(await generateKeys(dir), ['notifier.env'])
  t.equal(readFileSync(files.authGateway, 'utf8'), before)
  t.equal(secrets(files.notifier).REKEY_CODE_SEAL_KEY, secrets(files.authGateway).REKEY_CODE_SEAL_KEY)
})

test('an existing file gets its missing secrets and keeps the others', async (t) => {
  const { dir, files } = await generate(t)
  const before = secrets(files.authGateway)
  // A sandbox from before the secret was needed.
  const { REKEY_REFRESH_KEY: _, REKEY_USERNAME_SEAL_KEY: __, ...older } = before
  const lines = Object.entries(older).map(([key, value]) => `${key}=${value}`)
  writeFileSync(files.authGateway, lines.join('\n'))
  t.same(await generateKeys(dir), ['auth-gateway.env'])
  const after = secrets(files.authGateway)
  t.match(after, older)
  t.match(after.REKEY_REFRESH_KEY, /^[A-Za-z0-9_-]{43}$/)
  t.equal(after.REKEY_USERNAME_SEAL_KEY, secrets(files.passwordService).REKEY_USERNAME_SEAL_KEY)
  t.equal(statSync(files.authGateway).mode & 0o777, 0o600)
  t.same(await generateKeys(dir), [])
})
