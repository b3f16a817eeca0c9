import { spawn } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calculateJwkThumbprint } from 'jose'
import { type Test, test } from 'tap'
import { generateKeys, keyFiles } from './keys.ts'
import { algorithmsOf, publishSeconds, rotateSigningKeys, type SigningKey } from './signing-keys.ts'

const generate = async (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-keys-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  await generateKeys(dir)
  const path = keyFiles(dir).signingKeys
  const read = (): SigningKey[] => JSON.parse(readFileSync(path, 'utf8')).keys
  return { dir, path, read }
}

const start = new Date('2030-01-01T00:00:00Z')
const later = (seconds: number) => () => new Date(start.getTime() + seconds * 1_000)

test('S29: a rotation adds a key that signs once every verifier has it, and keeps the current one', async (t) => {
  const { path, read } = await generate(t)
  const [old] = read()
  const { added, signFrom, dropped } = await rotateSigningKeys(path, { now: later(0) })
  t.same(signFrom, later(publishSeconds)())
  t.same(dropped, [])
  t.match(read(), [old, { kid: added, kty: 'OKP', crv: 'Ed25519', d: String, sign_from: signFrom.getTime() / 1_000 }])
  t.equal(added, await calculateJwkThumbprint(read()[1] ?? {}))
  t.equal(statSync(path).mode & 0o777, 0o600)
})

test('S29: after a rotation the file’s group has access, and no other account', async (t) => {
  const { path } = await generate(t)
  for (const [before, after] of [
    [0o640, 0o640],
    [0o440, 0o440],
    [0o644, 0o640],
  ] as const) {
    chmodSync(path, before)
    await rotateSigningKeys(path, { now: later(0) })
    t.equal(statSync(path).mode & 0o777, after, before.toString(8))
  }
})

test('S29: a key is dropped once all of its tokens have expired, and not before', async (t) => {
  const { path, read } = await generate(t)
  const [first] = read()
  const { added: second } = await rotateSigningKeys(path, { afterSeconds: 100, now: later(0) })
  const early = await rotateSigningKeys(path, { afterSeconds: 100, now: later(100 + 3_600) })
  t.same(early.dropped, [], 'clocks differ: a token of its last second may still be valid')
  const late = await rotateSigningKeys(path, { afterSeconds: 100, now: later(100 + 3_600 + 301) })
  t.same(late.dropped, [first?.kid])
  t.same(
    read().map(({ kid }) => kid),
    [second, early.added, late.added],
  )
})

test('S29: keys of two algorithms rotate apart, and the command rotates both', async (t) => {
  const { dir, path, read } = await generate(t)
  const [ed] = read()
  t.same(algorithmsOf(path), ['EdDSA'])
  const { added } = await rotateSigningKeys(path, { algorithm: 'RS256', now: later(0) })
  t.same(algorithmsOf(path), ['EdDSA', 'RS256'])
  t.match(read(), [ed, { kid: added, kty: 'RSA', alg: 'RS256', use: 'sig', n: String, d: String }])
  t.equal(Buffer.from(read()[1]?.n ?? '', 'base64url').length, 3_072 / 8)
  t.equal(added, await calculateJwkThumbprint(read()[1] ?? {}))
  const much = { algorithm: 'RS256', now: later(1_000_000) } as const
  t.same((await rotateSigningKeys(path, much)).dropped, [], 'an RSA key is no successor of an Ed25519 key')
  const both = await command('rotate', dir)
  t.match(both, { code: 0, output: /: EdDSA\.\n.*: RS256\./s })
  t.same(new Set(read().map(({ alg }) => alg)), new Set(['EdDSA', 'RS256']))
  t.match(await command('rotate', dir, '--alg', 'ES256'), { code: 1, output: '--alg takes EdDSA or RS256.' })
})

test('a file behind a symbolic link is replaced at its target', async (t) => {
  const { dir, path } = await generate(t)
  const elsewhere = join(dir, 'elsewhere')
  mkdirSync(elsewhere)
  renameSync(path, join(elsewhere, 'keys.json'))
  symlinkSync(join(elsewhere, 'keys.json'), path)
  await rotateSigningKeys(path)
  t.equal(JSON.parse(readFileSync(join(elsewhere, 'keys.json'), 'utf8')).keys.length, 2)
})

test('a concurrent rotation is refused, and a malformed file is not changed', async (t) => {
  const { path, read } = await generate(t)
  writeFileSync(`${path}.new`, '')
  await t.rejects(rotateSigningKeys(path), /another rotation is running/)
  t.equal(read().length, 1)
  rmSync(`${path}.new`)

  writeFileSync(path, '{"secret')
  const refused = rotateSigningKeys(path)
  await t.rejects(refused, { message: 'the file of signing keys is not a JWK Set' })
  t.equal(readFileSync(path, 'utf8'), '{"secret')
  await t.rejects(
    rotateSigningKeys(path),
    { message: 'the file of signing keys is not a JWK Set' },
    'nothing is left behind',
  )
})

const command = (...args: string[]) =>
  new Promise<{ code: number | null; output: string }>((resolve) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../../scripts/keys.ts'), ...args])
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.once('close', (code) => resolve({ code, output }))
  })

test('the command prints its result, and its usage if the arguments are wrong', async (t) => {
  const { dir, read } = await generate(t)
  const rotated = await command('rotate', dir, '--after', '1')
  t.equal(rotated.code, 0)
  t.match(rotated.output, `Added ${read()[1]?.kid}, which signs from `)
  for (const args of [[], ['rotate'], ['generate', dir, '--after', '1']]) {
    const refused = await command(...args)
    t.equal(refused.code, 1)
    t.match(refused.output, 'npm run keys -- rotate DIR [--after SECONDS]')
  }
  const soon = await command('rotate', dir, '--after', 'soon')
  t.match(soon, { code: 1, output: '--after takes a whole number of seconds.' })
  t.equal(read().length, 2)
  t.match(await command('rotate', join(dir, 'nowhere')), { code: 1, output: 'ENOENT' })
})
