import { randomBytes } from 'node:crypto'
import t from 'tap'
import { toKeys } from './keys.ts'
import { seal, unseal } from './seal.ts'

const newKey = () => toKeys(randomBytes(32).toString('base64url'))
const key = newKey()

t.test('a sealed field is decrypted with the same key and context', async (t) => {
  const value = { to: 'bpmtestusr1@gmail.com', code: '012345' }
  const sealed = await seal(key, 'challenge-1', value)
  t.same(await unseal(key, 'challenge-1', sealed), value)
  t.notMatch(sealed, '012345')
  t.not(sealed, await seal(key, 'challenge-1', value), 'sealed twice, it reads differently')
})

t.test('S4: another context, another key or a changed text is refused', async (t) => {
  const sealed = await seal(key, 'challenge-1', '012345')
  await t.rejects(unseal(key, 'challenge-2', sealed), { message: 'sealed for another context' })
  await t.rejects(unseal(newKey(), 'challenge-1', sealed))
  const [header, encryptedKey, iv, text = '', tag] = sealed.split('.')
  const changed = `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`
  await t.rejects(unseal(key, 'challenge-1', [header, encryptedKey, iv, changed, tag].join('.')))
  await t.rejects(unseal(key, 'challenge-1', 'not sealed'))
})

t.test('S27: a header with another algorithm is refused', async (t) => {
  const [, ...rest] = (await seal(key, 'c', 'v')).split('.')
  for (const header of [{ alg: 'none' }, { alg: 'dir', enc: 'A128CBC-HS256' }, { alg: 'A256KW', enc: 'A256GCM' }]) {
    const forged = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
    await t.rejects(unseal(key, 'c', forged), JSON.stringify(header))
  }
})
