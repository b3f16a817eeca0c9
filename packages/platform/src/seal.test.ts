import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { CompactEncrypt, compactDecrypt } from 'jose'
import t from 'tap'
import { toKeys } from './keys.ts'
import { seal, unseal } from './seal.ts'

const newKey = () => toKeys(randomBytes(32).toString('base64url'))
const key = newKey()

t.test('a sealed field is decrypted with the same key and context', async (t) => {
  const value = { to: 'bpmtestusr1@gmail.com', code: '012345' }
  const sealed = seal(key, 'challenge-1', value)
  t.same(await unseal(key, 'challenge-1', sealed), value)
  t.notMatch(sealed, '012345')
  t.not(sealed, seal(key, 'challenge-1', value), 'sealed twice, it reads differently')
})

t.test('S4: another context, another key or a changed text is refused', async (t) => {
  const sealed = seal(key, 'challenge-1', '012345')
  await t.rejects(unseal(key, 'challenge-2', sealed), { message: 'sealed for another context' })
  await t.rejects(unseal(newKey(), 'challenge-1', sealed))
  const [header, encryptedKey, iv, text = '', tag] = sealed.split('.')
  const changed = `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`
  await t.rejects(unseal(key, 'challenge-1', [header, encryptedKey, iv, changed, tag].join('.')))
  await t.rejects(unseal(key, 'challenge-1', 'not sealed'))
})

t.test('S27: a header with another algorithm is refused', async (t) => {
  const [, ...rest] = seal(key, 'c', 'v').split('.')
  for (const header of [{ alg: 'none' }, { alg: 'dir', enc: 'A128CBC-HS256' }, { alg: 'A256KW', enc: 'A256GCM' }]) {
    const forged = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
    await t.rejects(unseal(key, 'c', forged), JSON.stringify(header))
  }
})

t.test('a sealed text is the JWE of a JOSE library, both ways, with and without a key id', async (t) => {
  const ids = fc.option(fc.stringMatching(/^[\w-]{1,8}$/), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(ids, fc.string({ unit: 'binary' }), fc.jsonValue(), async (id, context, value) => {
      const secret = randomBytes(32)
      const keys = toKeys(`${id === undefined ? '' : `${id}:`}${secret.toString('base64url')}`)
      const content = { context, value }
      const header = { alg: 'dir', enc: 'A256GCM', ...(id !== undefined && { kid: id }) }

      const opened = await compactDecrypt(seal(keys, context, value), secret)
      t.same(opened.protectedHeader, header)
      t.equal(Buffer.from(opened.plaintext).toString(), JSON.stringify(content))

      const foreign = await new CompactEncrypt(Buffer.from(JSON.stringify(content)))
        .setProtectedHeader(header)
        .encrypt(secret)
      t.same(await unseal(keys, context, foreign), JSON.parse(JSON.stringify(value)))
    }),
  )
})

t.test('S4: a sealed text with any character changed, added or missing is refused', async (t) => {
  const sealed = seal(key, 'challenge-1', '012345')
  const variants = Array.from(sealed, (_, place) => {
    const [before, after, rest] = [sealed.slice(0, place), sealed.slice(place), sealed.slice(place + 1)]
    return [before + rest, ...Array.from('Az0_.= ', (other) => [before + other + after, before + other + rest]).flat()]
  }).flat()
  const opened = await Promise.allSettled(
    variants.filter((variant) => variant !== sealed).map((variant) => unseal(key, 'challenge-1', variant)),
  )
  t.ok(opened.length > 1_000)
  t.same(
    opened.filter(({ status }) => status === 'fulfilled'),
    [],
  )
})
