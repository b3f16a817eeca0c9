import { randomBytes } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { loadConfig } from './config.ts'
import { deriveKeys, hmac, Key, toKeys } from './keys.ts'
import { keysAreSound } from './production.ts'
import { seal, unseal } from './seal.ts'

const secret = () => randomBytes(32).toString('base64url')
const [old, next, other] = [secret(), secret(), secret()]

/** The values of one variable during a rotation, in the order of the steps. */
const rotations = {
  'a key without an id': [old, `${old},k1:${next}`, `k1:${next},${old}`, `k1:${next}`],
  'keys with ids': [`k1:${old}`, `k1:${old},k2:${next}`, `k2:${next},k1:${old}`, `k2:${next}`],
  'an id that a key gets later': [old, `k1:${old}`, `k1:${old},k2:${next}`, `k2:${next},k1:${old}`, `k2:${next}`],
}

t.test('S52: instances of two neighbouring steps of a rotation read what the other writes', async (t) => {
  for (const [name, steps] of Object.entries(rotations)) {
    for (const [index, step] of steps.slice(1).entries()) {
      const pair = [steps[index] ?? '', step].map(toKeys)
      for (const [writer, reader] of [pair, pair.toReversed()]) {
        if (!writer || !reader) throw new Error('a step is missing')
        t.equal(await unseal(reader, 'c', seal(writer, 'c', 'v')), 'v', `${name}, step ${index}: sealed`)
        const written = hmac(writer.current, 'text')
        t.ok(
          reader.all.some((key) => hmac(key, 'text') === written),
          `${name}, step ${index}: HMAC`,
        )
      }
    }
  }
})

t.test('S52: after the overlap the old key is refused', async (t) => {
  for (const steps of Object.values(rotations)) {
    const [first = '', last = ''] = [steps[0], steps.at(-1)]
    await t.rejects(unseal(toKeys(last), 'c', seal(toKeys(first), 'c', 'v')))
  }
})

t.test('a derived key differs by purpose, and keeps its id', (t) => {
  const keys = toKeys(`k1:${old}`)
  const [one, two] = [deriveKeys(keys, 'one'), deriveKeys(keys, 'two')]
  t.equal(one.current.id, 'k1')
  t.equal(new Set([keys, one, two].map(({ current }) => hmac(current, 'text'))).size, 3)
  t.equal(hmac(one.current, 'text'), hmac(deriveKeys(toKeys(old), 'one').current, 'text'))
  t.end()
})

t.test('S52: a list of keys is checked as a whole, and each key by itself', (t) => {
  const env = Type.Object({ REKEY_A_KEY: Key('A.'), REKEY_B_KEY: Key('B.') })
  const errorsOf = (value: string) => {
    try {
      loadConfig(env, { REKEY_A_KEY: value, REKEY_B_KEY: other })
      return []
    } catch (error) {
      return (error as { errors: string[] }).errors
    }
  }
  const valid = [old, `k1:${old}`, `k1:${old},${next}`, ...Object.values(rotations).flat()]
  for (const value of valid) t.same(errorsOf(value), [], value.replaceAll(/[\w-]{43}/g, 'key'))
  const five = Array.from({ length: 5 }, (_, index) => `k${index}:${secret()}`).join()
  const malformed = ['k1:', `k1:${old},`, `,${old}`, `k1 :${old}`, `too long id:${old}`, `k1:${old.slice(1)}`, five]
  const repeated = [`k1:${old},k1:${next}`, `${old},${next}`, `k1:${old},k2:${old}`, `${old},k1:${old}`]
  for (const value of [...malformed, ...repeated]) {
    const [error, ...more] = errorsOf(value)
    t.match(error, /^REKEY_A_KEY is not valid\. A\. .*No id and no key may be given more than once\.$/)
    t.same(more, [])
    t.notMatch(error, old, 'no value is repeated')
  }
  const rule = keysAreSound('REKEY_A_KEY', 'REKEY_B_KEY')
  const sandbox = `sandbox_${old.slice(8)}`
  const zero = Buffer.alloc(32).toString('base64url')
  t.same(rule({ REKEY_A_KEY: `k2:${next},k1:${old}`, REKEY_B_KEY: other }), [])
  t.match(rule({ REKEY_A_KEY: `k2:${next},${sandbox}` }), ['REKEY_A_KEY is a key of the sandbox'])
  t.match(rule({ REKEY_A_KEY: `k2:${next},k1:${zero}` }), ['REKEY_A_KEY is not 32 random bytes'])
  t.match(rule({ REKEY_A_KEY: `k2:${next},k1:${old}`, REKEY_B_KEY: `k9:${old}` }), ['REKEY_B_KEY equals REKEY_A_KEY'])
  t.end()
})
