import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { calculateJwkThumbprint, importJWK } from 'jose'
import { type Test, test } from 'tap'
import { generateKeys, keyFiles } from './keys.ts'

const generate = async (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-keys-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return { dir, files: keyFiles(dir), written: await generateKeys(dir) }
}

const secrets = (path: string) => parseEnv(readFileSync(path, 'utf8'))

test('every file is for its owner alone', async (t) => {
  const { files, written } = await generate(t)
  t.equal(written.length, 4)
  for (const path of Object.values(files)) t.equal(statSync(path).mode & 0o777, 0o600, path)
})

test('a service gets its own secrets, and shares only what it seals for another or opens', async (t) => {
  const { files } = await generate(t)
  const gateway = secrets(files.authGateway)
  const passwords = secrets(files.passwordService)
  const notifier = secrets(files.notifier)
  t.same(Object.keys(passwords).toSorted(), ['REKEY_ADDRESS_SEAL_KEY', 'REKEY_REPORT_KEY', 'REKEY_USERNAME_SEAL_KEY'])
  t.same(Object.keys(notifier).toSorted(), ['REKEY_ADDRESS_SEAL_KEY', 'REKEY_CODE_SEAL_KEY'])
  t.equal(gateway.REKEY_USERNAME_SEAL_KEY, passwords.REKEY_USERNAME_SEAL_KEY)
  t.equal(gateway.REKEY_CODE_SEAL_KEY, notifier.REKEY_CODE_SEAL_KEY)
  t.equal(passwords.REKEY_ADDRESS_SEAL_KEY, notifier.REKEY_ADDRESS_SEAL_KEY)
  const all = Object.values({ ...gateway, ...passwords, ...notifier })
  t.equal(new Set(all).size, 8)
  for (const secret of all) t.match(secret, /^[A-Za-z0-9_-]{43}$/)
})

test('the signing key is a private Ed25519 key named by its thumbprint', async (t) => {
  const { files } = await generate(t)
  const { keys } = JSON.parse(readFileSync(files.signingKeys, 'utf8'))
  t.match(keys, [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', d: String }])
  t.equal(keys[0].kid, await calculateJwkThumbprint(keys[0]))
  await t.resolves(importJWK(keys[0], 'EdDSA'))
})

test('what exists is never written over, and a lost file gets the shared secrets again', async (t) => {
  const { dir, files } = await generate(t)
  const before = readFileSync(files.authGateway, 'utf8')
  t.same(await generateKeys(dir), [])
  rmSync(files.notifier)
  t.same(await generateKeys(dir), ['notifier.env'])
  t.equal(readFileSync(files.authGateway, 'utf8'), before)
  t.equal(secrets(files.notifier).REKEY_CODE_SEAL_KEY, secrets(files.authGateway).REKEY_CODE_SEAL_KEY)
})

test('a kept file gets the secrets that it lacks, and those it has stay', async (t) => {
  const { dir, files } = await generate(t)
  const before = secrets(files.authGateway)
  // As a sandbox has it that was made before the secret was needed.
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
