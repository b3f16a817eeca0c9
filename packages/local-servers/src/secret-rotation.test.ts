import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { type Test, test } from 'tap'
import { generateKeys, secretFiles } from './keys.ts'
import { rotateSecret } from './secret-rotation.ts'

const generate = async (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-keys-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  await generateKeys(dir)
  return dir
}
const secretsOf = (dir: string, file: string) => parseEnv(readFileSync(join(dir, file), 'utf8'))

test('S52: add, use and drop replace every secret in every file that has it', async (t) => {
  const dir = await generate(t)
  const names = new Set(secretFiles.flatMap((file) => Object.keys(secretsOf(dir, file))))
  names.delete('REKEY_PASSWORD_PEPPERS')
  for (const name of names) {
    const files = secretFiles.filter((file) => secretsOf(dir, file)[name])
    const values = () => new Set(files.map((file) => secretsOf(dir, file)[name]))
    const [before] = values()
    t.same(rotateSecret(dir, name, 'add'), { files, ids: ['-', 'k1'] })
    const [added = ''] = values()
    t.match(added, new RegExp(`^${before},k1:[\\w-]{43}$`))
    const [, next] = added.split(',')
    t.same(rotateSecret(dir, name, 'use').ids, ['k1', '-'])
    t.same([...values()], [`${next},${before}`])
    t.same(rotateSecret(dir, name, 'drop').ids, ['k1'])
    t.same([...values()], [next])
    t.same(rotateSecret(dir, name, 'add').ids, ['k1', 'k2'])
  }
  for (const file of secretFiles) t.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file)
})

test('a rotation that would lose a key is refused', async (t) => {
  const dir = await generate(t)
  t.throws(() => rotateSecret(dir, 'REKEY_UNKNOWN_KEY', 'add'), { message: /no file of .* has REKEY_UNKNOWN_KEY/ })
  for (let count = 1; count < 4; count += 1) rotateSecret(dir, 'REKEY_CODE_KEY', 'add')
  t.throws(() => rotateSecret(dir, 'REKEY_CODE_KEY', 'add'), {
    message: 'REKEY_CODE_KEY has 4 keys: drop the old ones first.',
  })
  t.match(rotateSecret(dir, 'REKEY_PASSWORD_PEPPERS', 'add').ids, ['p1', 'k1'])
  t.throws(() => rotateSecret(dir, 'REKEY_PASSWORD_PEPPERS', 'drop'), { message: /when no password hash names it/ })
  const notifier = join(dir, 'notifier.env')
  writeFileSync(notifier, readFileSync(notifier, 'utf8').replace(/^REKEY_CODE_SEAL_KEY=/m, 'REKEY_CODE_SEAL_KEY=x'))
  t.throws(() => rotateSecret(dir, 'REKEY_CODE_SEAL_KEY', 'add'), { message: /differs between the files/ })
})
