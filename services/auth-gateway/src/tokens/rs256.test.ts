import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { rotateSigningKeys } from '@rekey/local-servers/signing-keys'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, backOfficeToken, restore, restoreGrant, signInTokens } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { registry } from '../clients/registry.fixture.ts'

// RFC 9068 §2.1 and §4 require RS256. A client whose verifier has no EdDSA names it in its registry entry.
const env = registry(t)
const rekey = await startRekey(t, { env })
const { http } = rekey
const keyFile = rekey.keys.signingKeys
const clients: { client_id: string }[] = JSON.parse(readFileSync(env.REKEY_CLIENTS_FILE, 'utf8'))
const other = { client_id: 'another_app', redirect_uri: 'http://localhost/another' }

const withAlgorithm = (token_signing_alg: string) =>
  JSON.stringify(clients.map((one) => (one.client_id === other.client_id ? { ...one, token_signing_alg } : one)))
const refusals = () => rekey.logs.map((line) => JSON.parse(line)).filter(({ event }) => event === 'file_refused')
const keysOf = async () => (await http.get<{ keys: Record<string, string>[] }>('/.well-known/jwks.json')).body.keys

t.test('a client with an algorithm that no key is of is refused, and the clients before stay', async (t) => {
  writeFileSync(env.REKEY_CLIENTS_FILE, withAlgorithm('RS256'))
  const [line] = await eventually(() => (refusals().length > 0 ? refusals() : undefined))
  t.match(line.errors, [
    /another_app\/token_signing_alg: there is no RS256 key\. Run npm run keys -- rotate DIR --alg RS256/,
  ])
  const { access_token } = await signInTokens(rekey, await createCustomer(rekey.postgres.url), other)
  t.equal(decodeProtectedHeader(access_token).alg, 'EdDSA')
})

t.test('S27, S29: a client’s tokens are signed with RS256, and verified everywhere; others with EdDSA', async (t) => {
  await rotateSigningKeys(keyFile, { algorithm: 'RS256' })
  await eventually(async () => (await keysOf()).length === 2, { what: 'the RSA key in the JWKS' })
  const rsa = { kty: 'RSA', alg: 'RS256', use: 'sig', kid: String, n: String, e: 'AQAB' }
  t.match(await keysOf(), [{ kty: 'OKP', alg: 'EdDSA' }, rsa])
  for (const key of await keysOf()) t.notOk(['d', 'p', 'q', 'dp', 'dq', 'qi'].some((part) => part in key))

  writeFileSync(env.REKEY_CLIENTS_FILE, `${withAlgorithm('RS256')}\n`)
  const customer = await createCustomer(rekey.postgres.url)
  const algorithmOf = (token: string) => decodeProtectedHeader(token).alg
  const tokens = await eventually(async () => {
    const issued = await signInTokens(rekey, customer, other)
    return algorithmOf(issued.access_token) === 'RS256' ? issued : undefined
  })
  const jwks = createRemoteJWKSet(new URL(`${rekey.url}/.well-known/jwks.json`))
  const expected = { issuer: rekey.url, audience: 'rekey:api', typ: 'at+jwt', algorithms: ['RS256'] }
  t.match((await jwtVerify(tokens.access_token, jwks, expected)).payload, { sub: customer.code })
  const history = await http.get('/api/v2/my/password/changes', asBearer(tokens.access_token))
  t.equal(history.status, 200, 'the password-service accepts it')
  const challenge = '/api/v2/my/2fa/challenge?businessProcess=changePassword'
  t.equal((await http.get(challenge, asBearer(tokens.access_token))).status, 200, 'the gateway accepts it')
  const grant = await restoreGrant(rekey, customer, 'sign_token', other)
  t.equal(algorithmOf(grant), 'RS256')
  t.equal((await restore(rekey, grant, 'a new password')).status, 204)
  t.equal(algorithmOf(await backOfficeToken(rekey)), 'EdDSA')
})

t.test('S27: a token whose algorithm is not that of its key is refused', async (t) => {
  const token = await backOfficeToken(rekey)
  const [header = '', ...rest] = token.split('.')
  const own = JSON.parse(Buffer.from(header, 'base64url').toString())
  const rsa = (await keysOf()).find(({ kty }) => kty === 'RSA')
  for (const forged of [
    { alg: 'RS256' },
    { kid: rsa?.kid },
    { alg: 'RS256', kid: rsa?.kid },
    { alg: 'PS256', kid: rsa?.kid },
  ]) {
    const text = Buffer.from(JSON.stringify({ ...own, ...forged })).toString('base64url')
    const answer = await http.get('/api/v2/clients/1/password/changes', asBearer([text, ...rest].join('.')))
    t.equal(answer.status, 401, JSON.stringify(forged))
  }
})

t.test('S29: a key file that loses an algorithm, or has a short or broken RSA key, is refused', async (t) => {
  const before = readFileSync(keyFile, 'utf8')
  const { keys } = JSON.parse(before)
  const [ed, rsa] = keys
  const short = generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey.export({ format: 'jwk' })
  const files: [object[], RegExp][] = [
    [[ed], /\/keys: has no RS256 key any more/],
    [[rsa], /\/keys: has no Ed25519 key/],
    [[ed, { ...short, kid: 'short' }], /\/keys\/1: has 1024 bits: RS256 requires 2048/],
    [[ed, { ...rsa, n: `${'A'.repeat(20)}${rsa.n.slice(20)}` }], /\/keys\/1: is no valid key pair/],
    [[ed, { ...rsa, d: undefined }], /\/keys\/1: is no valid key pair/],
    [[ed, { ...ed, kid: 'x', crv: 'X25519' }], /\/keys\/1: is of another curve than Ed25519|is no valid key pair/],
  ]
  for (const [content, error] of files) {
    const seen = refusals().length
    writeFileSync(keyFile, JSON.stringify({ keys: content }))
    const line = await eventually(() => refusals()[seen])
    t.match(line.errors, [error])
    t.notMatch(JSON.stringify(line), rsa.d.slice(0, 20))
    t.equal((await keysOf()).length, 2)
  }
  writeFileSync(keyFile, before)
})
