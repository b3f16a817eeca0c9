import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { unavailable } from '@rekey/contracts'
import { createClock } from '@rekey/test-support/clock'
import fc from 'fast-check'
import { SignJWT } from 'jose'
import t from 'tap'
import { createTokenVerifier } from './token-verifier.ts'

const issuer = 'https://rekey.example'
const pairs = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')] as const

/** A verifier that counts how often its keys are looked up; `keys` are the issuer's, by `kid`. */
const start = () => {
  const clock = createClock()
  const keys = new Map<string, KeyObject>([['one', pairs[0].publicKey]])
  const options = { issuer, algorithms: ['EdDSA'], types: ['at+jwt'], requiredClaims: ['exp', 'iat'], now: clock.now }
  let isAway = false
  const key = async ({ kid }: { kid: string }) => {
    if (isAway) throw unavailable(new Error('the issuer is away'))
    return keys.get(kid)
  }
  const seconds = () => Math.floor(clock.now().getTime() / 1_000)
  return {
    clock,
    keys,
    seconds,
    setAway: (away: boolean) => {
      isAway = away
    },
    /** A verifier that has verified no token yet. */
    create: () => createTokenVerifier({ ...options, key }),
    sign: (claims: object = {}, privateKey: KeyObject = pairs[0].privateKey) =>
      new SignJWT({ iss: issuer, aud: ['api'], iat: seconds(), exp: seconds() + 600, ...claims })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'one' })
        .sign(privateKey),
  }
}

t.test('S27: at every time a token that was verified before has the answer of one that was not', async (t) => {
  const { clock, create, sign, seconds } = start()
  const begin = seconds()
  const offset = fc.integer({ min: -20, max: 20 })
  const claims = fc.record({ iat: offset, nbf: offset, exp: offset }, { requiredKeys: ['iat', 'exp'] })
  await fc.assert(
    fc.asyncProperty(
      claims,
      fc.array(fc.integer({ min: -30, max: 30_000 }), { maxLength: 5 }),
      async (offsets, steps) => {
        const token = await sign(
          Object.fromEntries(Object.entries(offsets).map(([name, value]) => [name, begin + value])),
        )
        const warm = create()
        for (const step of [0, ...steps]) {
          const ms = begin * 1_000 + step - clock.now().getTime()
          clock.advance(ms)
          t.same(await warm(token, 'api'), await create()(token, 'api'))
        }
      },
    ),
  )
})

t.test('S29: a token that was verified is refused when its key is removed or replaced', async (t) => {
  const { keys, create, sign } = start()
  const verify = create()
  const token = await sign()
  t.ok(await verify(token, 'api'))
  keys.delete('one')
  t.equal(await verify(token, 'api'), undefined)
  keys.set('one', pairs[1].publicKey)
  t.equal(await verify(token, 'api'), undefined)
  keys.set('one', pairs[0].publicKey)
  t.ok(await verify(token, 'api'))
})

t.test('S25: a token that was verified is unavailable while its key cannot be looked up', async (t) => {
  const { create, setAway, sign } = start()
  const verify = create()
  const token = await sign()
  t.ok(await verify(token, 'api'))
  setAway(true)
  await t.rejects(verify(token, 'api'), { code: 'unavailable' })
  setAway(false)
  t.ok(await verify(token, 'api'))
})

t.test('S27: a token that was verified for one audience is refused for another', async (t) => {
  const { create, sign } = start()
  const verify = create()
  const token = await sign()
  t.ok(await verify(token, 'api'))
  t.equal(await verify(token, 'grants'), undefined)
  t.ok(await verify(token, ['grants', 'api']))
})

t.test('S27: a token with one changed character is refused after the genuine one was verified', async (t) => {
  const { create, sign } = start()
  const verify = create()
  const token = await sign()
  t.ok(await verify(token, 'api'))
  const parts = token.split('.')
  for (let part = 0; part < parts.length; part += 1) {
    const text = parts[part] ?? ''
    const forged = parts.with(part, `${text.slice(0, 5)}${text[5] === 'A' ? 'B' : 'A'}${text.slice(6)}`).join('.')
    t.equal(await verify(forged, 'api'), undefined)
  }
})

t.test('the claims of a token that was verified cannot be changed for its next request', async (t) => {
  const { create, sign } = start()
  const verify = create()
  const token = await sign({ scope: 'CUSTOMER:FULL' })
  const claims = await verify(token, 'api')
  t.throws(() => Object.assign(claims ?? {}, { scope: 'REST:FULL' }))
  t.throws(() => Object.assign(claims?.aud ?? [], ['grants']))
  t.match(await verify(token, 'api'), { scope: 'CUSTOMER:FULL', aud: ['api'] })
})

t.test('of more than 10,000 verified tokens the oldest is verified anew', async (t) => {
  const { create, sign } = start()
  const verify = create()
  const [first, last] = [await sign({ jti: 'first' }), await sign({ jti: 'last' })]
  const claims = await verify(first, 'api')
  t.equal(await verify(first, 'api'), claims, 'the same object')
  // Each list of audiences is an entry of its own: that takes no other signature.
  for (let index = 0; index < 10_000; index += 1) await verify(last, ['api', String(index)])
  const again = await verify(first, 'api')
  t.same(again, claims)
  t.not(again, claims)
})
