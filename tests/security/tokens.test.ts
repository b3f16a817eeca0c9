import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseEnv } from 'node:util'
import { createCustomer } from '@rekey/test-support/customers'
import {
  asBearer,
  askLogin,
  askRestore,
  backOfficeToken,
  change,
  changeGrant,
  claimsOf,
  codeVerifier,
  messageAfter,
  pkce,
  reset,
  restore,
  restoreGrant,
  signIn,
  signInTokens,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { eddsa, forge, hmac, readSigningKey, unsigned } from './forged-token.ts'

const rekey = await startRekey(t)
const { http } = rekey
const key = readSigningKey(rekey.keys.signingKeys)
const newCustomer = () => createCustomer(rekey.postgres.url)

const history = '/api/v2/my/password/changes'

/** The attacker's server: serves a key, and records which paths are requested. */
const startKeyServer = async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'theirs', alg: 'EdDSA', use: 'sig' }
  const requested: string[] = []
  const server = createServer((request, response) => {
    requested.push(request.url ?? '')
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys.json`, jwk, privateKey, requested }
}
const attacker = await startKeyServer()

const now = () => Math.floor(Date.now() / 1_000)
const ourPublic = createPublicKey(key.privateKey)
const pem = ourPublic.export({ type: 'spki', format: 'pem' })
const ourJwk = ourPublic.export({ format: 'jwk' })
/** The only key with which HS256 is accepted, for an `mfa_token`. */
const { REKEY_MFA_TOKEN_KEY = '' } = parseEnv(readFileSync(rekey.keys.authGateway, 'utf8'))
const byMfaKey = hmac('sha256', Buffer.from(REKEY_MFA_TOKEN_KEY, 'base64url'))

/** Valid claims under every forged header and signature; each must be refused. */
const forgeries = (good: Record<string, unknown>): Record<string, string> => {
  const { header } = key
  const theirs = eddsa(attacker.privateKey)
  const byThem = (other: object) => forge({ ...header, kid: 'theirs', ...other }, good, theirs)
  const [, payload = '', signature = ''] = key.sign({ ...good, jti: 'another' }).split('.')
  return {
    'alg none': forge({ ...header, alg: 'none' }, good, unsigned),
    'alg NoNe': forge({ ...header, alg: 'NoNe' }, good, unsigned),
    'no alg': forge({ ...header, alg: undefined }, good, unsigned),
    'EdDSA without a signature': forge(header, good, unsigned),
    'HS256 with our public key as PEM': forge({ ...header, alg: 'HS256' }, good, hmac('sha256', pem)),
    'HS256 with our raw public key': forge(
      { ...header, alg: 'HS256' },
      good,
      hmac('sha256', Buffer.from(ourJwk.x ?? '', 'base64url')),
    ),
    'HS512 with our public key as JWK': forge(
      { ...header, alg: 'HS512' },
      good,
      hmac('sha512', JSON.stringify(ourJwk)),
    ),
    'HS256 with our key of mfa_tokens': forge({ ...header, alg: 'HS256' }, good, byMfaKey),
    'HS256 with our key of mfa_tokens, typ JWT': forge({ alg: 'HS256', typ: 'JWT' }, good, byMfaKey),
    'their key under our kid': forge(header, good, theirs),
    'their kid': byThem({}),
    'no kid': forge({ ...header, kid: undefined }, good, theirs),
    'a kid that is a path': byThem({ kid: '../../../../dev/null' }),
    'a kid that is SQL': byThem({ kid: "' OR 1=1 --" }),
    'a kid that is not a string': byThem({ kid: [header.kid] }),
    'their key in the header (jwk)': byThem({ jwk: attacker.jwk }),
    'their key in the header under our kid': byThem({ jwk: attacker.jwk, kid: header.kid }),
    'their key to fetch (jku)': byThem({ jku: attacker.url }),
    'their key to fetch under our kid': byThem({ jku: attacker.url, kid: header.kid }),
    'their certificate to fetch (x5u)': byThem({ x5u: attacker.url }),
    'their certificate in the header (x5c)': byThem({ x5c: [Buffer.from(pem).toString('base64')] }),
    'the payload of another token': `${key.sign(good).split('.')[0]}.${payload}.${key.sign(good).split('.')[2]}`,
    'the signature of another token': `${key.sign(good).split('.').slice(0, 2).join('.')}.${signature}`,
    'a payload that was not encoded (b64)': key.sign(good, { b64: false, crit: ['b64'] }),
    'typ JWT': key.sign(good, { typ: 'JWT' }),
    'typ of a logout token': key.sign(good, { typ: 'logout+jwt' }),
    'no typ': key.sign(good, { typ: undefined }),
    'another issuer': key.sign({ ...good, iss: new URL(attacker.url).origin }),
    'the issuer with a trailing slash': key.sign({ ...good, iss: `${rekey.url}/` }),
    'another audience': key.sign({ ...good, aud: ['elsewhere'] }),
    'no audience': key.sign({ ...good, aud: undefined }),
    expired: key.sign({ ...good, iat: now() - 7_200, exp: now() - 1 }),
    'no expiry': key.sign({ ...good, exp: undefined }),
    'an expiry that is a string': key.sign({ ...good, exp: '9999999999' }),
    'not yet valid': key.sign({ ...good, nbf: now() + 60 }),
    rubbish: 'a.b.c',
  }
}

t.test('S27 a forged token is refused by every route, and keys that it points to are not fetched', async (t) => {
  const customer = await newCustomer()
  const access = await signIn(rekey, customer)
  // Of two customers: a new password ends earlier restores of its customer.
  const resetAccess = await restoreGrant(rekey, await newCustomer(), 'access_token')
  const sign = await restoreGrant(rekey, await newCustomer())
  const uses = {
    'a route of the gateway': {
      token: access,
      refusal: { status: 401, body: { code: 'invalid_token' } },
      send: (token: string) => http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', asBearer(token)),
    },
    'a route of the password-service': {
      token: access,
      refusal: { status: 401, body: { code: 'invalid_token' } },
      send: (token: string) => http.get(history, asBearer(token)),
    },
    A3: {
      token: resetAccess,
      refusal: { status: 401, body: { error: 'invalid_token' } },
      send: (token: string) => reset(rekey, token, { password: 'Qwerty-123' }),
    },
    B2: {
      token: sign,
      refusal: { status: 403, body: { code: 'success_token_refused' } },
      send: (token: string) => restore(rekey, token, 'Qwerty-123'),
    },
  }
  for (const [use, { token, refusal, send }] of Object.entries(uses)) {
    const good = claimsOf(token)
    for (const [name, forgery] of Object.entries(forgeries(good))) {
      t.match(await send(forgery), refusal, `${use}: ${name}`)
    }
    const status = (await send(key.sign(good))).status
    t.ok(status === 200 || status === 204, `${use}: the same claims are accepted with our signature (${status})`)
  }
  t.same(attacker.requested, [])
})

t.test('S27 a forged mfa_token is refused', async (t) => {
  const customer = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const mfaToken = String(answer.body.mfa_token)
  const claims = claimsOf(mfaToken)
  const header = { alg: 'HS256', typ: 'JWT' }
  const attacks = {
    'alg none': forge({ ...header, alg: 'none' }, claims, unsigned),
    'an empty secret': forge(header, claims, hmac('sha256', '')),
    'our public key as the secret': forge(header, claims, hmac('sha256', pem)),
    'the key of access tokens': key.sign(claims),
    'the key of access tokens, typ JWT': key.sign(claims, { typ: 'JWT' }),
    'a key to fetch': forge({ ...header, alg: 'EdDSA', jku: attacker.url }, claims, eddsa(attacker.privateKey)),
    'our key, as text': forge(header, claims, hmac('sha256', REKEY_MFA_TOKEN_KEY)),
    'typ at+jwt': forge({ ...header, typ: 'at+jwt' }, claims, byMfaKey),
    'another issuer': forge(header, { ...claims, iss: new URL(attacker.url).origin }, byMfaKey),
    expired: forge(header, { ...claims, exp: now() - 1 }, byMfaKey),
    'no expiry': forge(header, { ...claims, exp: undefined }, byMfaKey),
    'cut short': mfaToken.slice(0, -3),
  }
  const sendCode = (token: string) =>
    http.post('/oauth/v2/passwordRestoreVerification', verificationBody(token, confirmation))
  for (const [name, token] of Object.entries(attacks)) {
    t.match(await sendCode(token), { status: 400, body: { error: 'invalid_grant' } }, name)
  }
  t.equal((await sendCode(forge(header, claims, byMfaKey))).status, 200, 'the genuine token, with the same code')
  await fetch(attacker.url)
  t.same(attacker.requested, ['/keys.json'], 'only this test requested the key')
})

/** Every token that a customer can have at once, and every use of a token with the tokens that are good for it. */
const issueAllTokens = async () => {
  const customer = await newCustomer()
  const { email } = customer
  const session = await signInTokens(rekey, customer)
  const verify = (mfaToken: unknown, code: string, other: object = {}) =>
    http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code, other))
  const toRedeem = await askRestore(rekey, email, pkce)
  const redeemable = await verify(toRedeem.answer.body.mfa_token, toRedeem.confirmation, { response_type: 'code' })
  const asked = await askRestore(rekey, email)
  const login = await askLogin(rekey, customer)
  const brokered = await messageAfter(rekey, email, () =>
    http.get(
      `/api/v2/my/2fa/unauthorized/challenge?${new URLSearchParams({ businessProcess: 'restorePassword', email })}`,
    ),
  )
  const tokens = {
    access: session.access_token,
    refresh: session.refresh_token,
    staff: await backOfficeToken(rekey),
    mfa: String(asked.answer.body.mfa_token),
    loginMfa: String(login.answer.body.mfa_token),
    broker: String(brokered.answer.body.token),
    restoreAccess: await restoreGrant(rekey, customer, 'access_token'),
    restoreSign: await restoreGrant(rekey, customer),
    changeSign: await changeGrant(rekey, customer, session.access_token),
    code: String(redeemable.body.code),
    verification: String(asked.answer.body.code),
  }
  const requestToken = (other: object) => http.post('/oauth/v2/token', { client_id: 'ib_localhost', ...other })
  const uses: Record<string, { by: (keyof typeof tokens)[]; send: (token: string) => Promise<{ status: number }> }> = {
    'a customer’s route': { by: ['access'], send: (token) => http.get(history, asBearer(token)) },
    'a code to change': {
      by: ['access'],
      send: (token) => http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', asBearer(token)),
    },
    'the back office': {
      by: ['staff'],
      send: (token) => http.get(`/api/v2/clients/${customer.id}/password/changes`, asBearer(token)),
    },
    'the answer to a restore’s code': { by: ['mfa'], send: (token) => verify(token, asked.confirmation) },
    'the answer to a broker’s code': {
      by: ['broker'],
      send: (token) => http.post('/api/v2/my/2fa/challenge', { token, code: brokered.confirmation }),
    },
    'a sign-in': {
      by: ['loginMfa'],
      send: (token) => requestToken({ grant_type: 'mfa_oob', mfa_token: token, code: login.confirmation }),
    },
    'a refresh': {
      by: ['refresh'],
      send: (token) => requestToken({ grant_type: 'refresh_token', refresh_token: token }),
    },
    'an authorization code': {
      by: ['code'],
      send: (token) =>
        requestToken({
          grant_type: 'code',
          code: token.slice(0, 128),
          redirect_uri: 'http://localhost',
          code_verifier: codeVerifier,
        }),
    },
    'a bearer beside a change’s grant': {
      by: ['access'],
      send: (token) => change(rekey, token, tokens.changeSign, 'Qwerty-123'),
    },
    'a change': { by: ['changeSign'], send: (token) => change(rekey, session.access_token, token, 'Qwerty-123') },
    'a restore': { by: ['restoreSign', 'restoreAccess'], send: (token) => restore(rekey, token, 'Qwerty-123') },
    'a reset': { by: ['restoreAccess'], send: (token) => reset(rekey, token, { password: 'Qwerty-123' }) },
  }
  return { tokens: Object.entries(tokens) as [keyof typeof tokens, string][], uses: Object.entries(uses) }
}

/** A new password invalidates the other tokens, so each run tries one of these uses, at the end. */
const last = ['a bearer beside a change’s grant', 'a change', 'a restore', 'a reset']

for (const [index, end] of last.entries()) {
  t.test(`S19 S27 every token is good for its own use only; the last use is ${end}`, async (t) => {
    const { tokens, uses } = await issueAllTokens()
    const ofEnd = uses.find(([use]) => use === end)?.[1].by ?? []
    // The first run tries every token; the others those that must still be good at the end.
    const tried = tokens.filter(([name]) => index === 0 || ofEnd.includes(name) || name === 'changeSign')
    for (const [use, { by, send }] of uses) {
      for (const [name, token] of tried) {
        if (by.includes(name)) continue
        const { status } = await send(token)
        t.ok(status >= 400 && status < 500, `${use} by ${name}: ${status}`)
      }
    }
    for (const [use, { by, send }] of uses) {
      if (last.includes(use) && use !== end) continue
      const { status } = await send(Object.fromEntries(tokens)[by[0] ?? ''] ?? '')
      t.ok(status === 200 || status === 204, `${use} by ${by[0]}: ${status}, so none was spent`)
    }
  })
}
