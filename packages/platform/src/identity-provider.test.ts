import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClock } from '@rekey/test-support/clock'
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import t, { type Test } from 'tap'
import { auth } from './auth.ts'
import type { ConfigError } from './config.ts'
import { createIdentityProvider } from './identity-provider.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'

const ownIssuer = 'https://rekey.example'
const issuer = 'https://login.example'
const audience = 'https://api.example'

const pairs = {
  rsa: { alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }) },
  ec: { alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
  ed: { alg: 'EdDSA', ...generateKeyPairSync('ed25519') },
}
const own = generateKeyPairSync('ed25519')
type Kid = keyof typeof pairs

/** The provider's key set, and a service that accepts the provider's and the gateway's tokens and answers their claims. */
const start = async (t: Test, env: Record<string, string> = {}) => {
  const clock = createClock()
  const provider = createHttpServer(async (_request, response) => {
    const keys = Object.entries(pairs).map(async ([kid, { alg, publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      kid,
      alg,
      use: 'sig',
    }))
    response.end(JSON.stringify({ keys: await Promise.all(keys) }))
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  t.teardown(() => provider.close())
  const { port } = provider.address() as AddressInfo

  const log = createLogger({ name: 'test', level: 'silent' })
  const app = await createServer({ log, metrics: createMetrics(), random: systemRandom, trustedProxies: [] })
  t.teardown(() => app.close())
  const settings = {
    REKEY_IDP_ISSUER: issuer,
    REKEY_IDP_AUDIENCE: audience,
    REKEY_IDP_JWKS_URL: `http://127.0.0.1:${port}/jwks`,
    ...env,
  }
  await app.register(auth, {
    issuer: ownIssuer,
    publicKey: async () => own.publicKey,
    identityProvider: createIdentityProvider(settings, { ownIssuer, now: clock.now }),
    now: clock.now,
  })
  app.get('/claims', async (request) => request.bearer)

  const seconds = () => Math.floor(clock.now().getTime() / 1_000)
  const claims = () => ({
    iss: issuer,
    aud: audience,
    sub: 'EN00000CY',
    jti: 'token-1',
    iat: seconds(),
    exp: seconds() + 600,
    client_id: 'bank-app',
    scope: 'CUSTOMER:FULL',
  })
  const sign = (change: object = {}, header: object = {}, key: KeyObject | Kid = 'ec') => {
    const [kid, { alg, privateKey }] =
      typeof key === 'string' ? [key, pairs[key]] : ['ec', { alg: 'ES256', privateKey: key }]
    return new SignJWT({ ...claims(), ...change })
      .setProtectedHeader({ alg, kid, typ: 'at+jwt', ...header })
      .sign(privateKey)
  }
  const read = async (token: string) => {
    const answer = await app.inject({ url: '/claims', headers: { authorization: `Bearer ${token}` } })
    return { status: answer.statusCode, header: answer.headers['www-authenticate'], body: answer.json() }
  }
  return { claims, sign, read, seconds }
}

t.test('claims of the provider are read under the names of the gateway’s tokens', async (t) => {
  const { claims, sign, read } = await start(t)
  const { iat, exp } = claims()
  const usual = {
    iss: issuer,
    aud: [audience],
    sub: 'EN00000CY',
    jti: 'token-1',
    iat,
    exp,
    client_id: 'bank-app',
    scope: 'CUSTOMER:FULL',
    sid: 'token-1',
  }
  const expectations: [string, object, object][] = [
    ['as RFC 9068 has them', {}, {}],
    ['several audiences', { aud: ['https://other.example', audience] }, { aud: ['https://other.example', audience] }],
    ['a session', { sid: 'session-1' }, { sid: 'session-1' }],
    ['a session and its sign-in', { sid: 'session-1', auth_time: 1 }, { sid: 'session-1', auth_time: 1 }],
    ['a sign-in without a session', { auth_time: 1 }, {}],
    ['a session alone', { sid: 'session-1', jti: undefined }, { sid: 'session-1', jti: 'session-1' }],
    ['azp', { client_id: undefined, azp: 'web-app' }, { client_id: 'web-app' }],
    ['a list of scopes', { scope: ['openid', 'CUSTOMER:FULL'] }, { scope: 'CUSTOMER:FULL' }],
    ['claims that only the gateway may set', { purpose: 'change', challenge_id: 'x', session_epoch: 99 }, {}],
  ]
  for (const [name, change, expected] of expectations) {
    const answer = await read(await sign({ iat, exp, ...change }))
    t.strictSame(answer.body, { ...usual, ...expected }, name)
  }
})

const subsets = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((_one, index) => (bits >> index) & 1))

t.test('S45: for every set of audiences and scopes a token gives what configuration allows', async (t) => {
  const staff = 'https://staff.example'
  const full = 'CUSTOMER:FULL'
  const change = 'CUSTOMER:PASSWORD:CHANGE'
  const configurations = [
    { env: {}, customers: [full, change], employees: [] },
    { env: { REKEY_IDP_SCOPES: change }, customers: [change], employees: [] },
    { env: { REKEY_IDP_STAFF_AUDIENCE: staff }, customers: [full, change], employees: ['REST:FULL'] },
    { env: { REKEY_IDP_SCOPES: full, REKEY_IDP_STAFF_AUDIENCE: staff }, customers: [full], employees: ['REST:FULL'] },
  ]
  for (const { env, customers, employees } of configurations) {
    const { sign, read } = await start(t, env)
    for (const aud of subsets([audience, staff, 'https://other.example'])) {
      for (const named of subsets([full, change, 'CUSTOMER:PASSWORD:RESTORE', 'REST:FULL', 'openid'])) {
        const answer = await read(await sign({ aud, scope: named.join(' ') }))
        const isCustomer = aud.includes(audience)
        const isStaff = employees.length > 0 && aud.includes(staff)
        const what = `${JSON.stringify(env)} ${aud} ${named}`
        if (isCustomer === isStaff) t.equal(answer.status, 401, what)
        else {
          const allowed: string[] = isStaff ? employees : customers
          t.equal(answer.body.scope, named.filter((scope) => allowed.includes(scope)).join(' '), what)
        }
      }
    }
  }
})

t.test('S27: the provider’s clock may be five seconds ahead; an expired token gets no leeway', async (t) => {
  const { sign, read, seconds } = await start(t)
  const statusOf = async (change: object) => (await read(await sign(change))).status
  for (const claim of ['iat', 'nbf']) {
    t.equal(await statusOf({ [claim]: seconds() + 4 }), 200, claim)
    t.equal(await statusOf({ [claim]: seconds() + 60 }), 401, claim)
  }
  t.equal(await statusOf({ exp: seconds() + 1 }), 200)
  t.equal(await statusOf({ exp: seconds() }), 401)
})

t.test('the subject claim is configurable', async (t) => {
  const { sign, read } = await start(t, { REKEY_IDP_SUBJECT_CLAIM: 'customer_code' })
  t.match((await read(await sign({ sub: 'user-7', customer_code: 'EN00000CY' }))).body, { sub: 'EN00000CY' })
  t.equal((await read(await sign())).status, 401)
})

t.test('S27: tokens of every usual algorithm and type are accepted', async (t) => {
  const { sign, read } = await start(t)
  for (const kid of Object.keys(pairs) as Kid[]) t.equal((await read(await sign({}, {}, kid))).status, 200, kid)
  for (const typ of ['JWT', 'jwt', 'application/at+jwt'])
    t.equal((await read(await sign({}, { typ }))).status, 200, typ)
  t.equal((await read(await sign({}, { alg: 'PS256' }, 'rsa'))).status, 401, 'only with the key of that algorithm')
})

t.test('S27: no other token is accepted', async (t) => {
  const { claims, sign, read, seconds } = await start(t)
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const confused = (alg: string, secret: string | Buffer) => {
    const text = [{ alg, kid: 'rsa', typ: 'at+jwt' }, claims()]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
  }
  const attacks: Record<string, string> = {
    'alg none': new UnsecuredJWT(claims()).encode(),
    'HS256 with the public key (PEM)': confused('HS256', pairs.rsa.publicKey.export({ type: 'spki', format: 'pem' })),
    'HS256 with the public key (DER)': confused('HS256', pairs.rsa.publicKey.export({ type: 'spki', format: 'der' })),
    'another key under a kid of theirs': await sign({}, {}, stranger.privateKey),
    'a key brought along': await sign(
      {},
      { kid: 'mine', jwk: stranger.publicKey.export({ format: 'jwk' }) },
      stranger.privateKey,
    ),
    'a kid that they do not have': await sign({}, { kid: 'unknown' }),
    'no kid': await sign({}, { kid: undefined }),
    'another issuer': await sign({ iss: 'https://elsewhere.example' }),
    'our issuer': await sign({ iss: ownIssuer, aud: ['rekey:api'] }),
    'another audience': await sign({ aud: 'https://other.example' }),
    'our own audience': await sign({ aud: 'rekey:api' }),
    'no audience': await sign({ aud: undefined }),
    expired: await sign({ exp: seconds() - 1 }),
    'no expiry': await sign({ exp: undefined }),
    'not yet valid': await sign({ nbf: seconds() + 60 }),
    'no time of issue': await sign({ iat: undefined }),
    'no type': await sign({}, { typ: undefined }),
    'another type': await sign({}, { typ: 'logout+jwt' }),
    'no subject': await sign({ sub: undefined }),
    'a subject that is none': await sign({ sub: 'a\u0000b' }),
    'a subject without end': await sign({ sub: 'x'.repeat(300) }),
    'no client': await sign({ client_id: undefined }),
    'no scope': await sign({ scope: undefined }),
    'a scope that is none': await sign({ scope: [{}] }),
    'neither jti nor sid': await sign({ jti: undefined }),
    rubbish: 'a.b.c',
  }
  for (const [name, token] of Object.entries(attacks)) {
    const answer = await read(token)
    t.match(answer, { status: 401, header: 'Bearer realm="rekey", error="invalid_token"' }, name)
  }
})

t.test('S27: the gateway’s key does not sign for the provider, and the gateway’s tokens stay valid', async (t) => {
  const { claims, read } = await start(t)
  const gatewayToken = (change: object) =>
    new SignJWT({ ...claims(), iss: ownIssuer, aud: ['rekey:api'], sid: 'session-1', ...change })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'ed', typ: 'at+jwt' })
      .sign(own.privateKey)
  t.equal((await read(await gatewayToken({}))).status, 200)
  t.equal((await read(await gatewayToken({ iss: issuer, aud: audience }))).status, 401)
})

t.test('its variables are set together or not at all, and the issuer is not the gateway', async (t) => {
  const now = () => new Date()
  const errorsOf = (settings: object) => {
    try {
      createIdentityProvider(settings, { ownIssuer, now })
      return []
    } catch (error) {
      return (error as ConfigError).errors
    }
  }
  t.equal(createIdentityProvider({}, { ownIssuer, now }), undefined)
  t.strictSame(errorsOf({ REKEY_IDP_ISSUER: issuer }), [
    'REKEY_IDP_AUDIENCE is missing: REKEY_IDP_ISSUER requires it.',
    'REKEY_IDP_JWKS_URL is missing: REKEY_IDP_ISSUER requires it.',
  ])
  t.equal(errorsOf({ REKEY_IDP_SUBJECT_CLAIM: 'customer_code' }).length, 3)
  const all = { REKEY_IDP_ISSUER: ownIssuer, REKEY_IDP_AUDIENCE: audience, REKEY_IDP_JWKS_URL: `${issuer}/jwks` }
  t.strictSame(errorsOf(all), [
    "REKEY_IDP_ISSUER equals REKEY_PUBLIC_URL: the gateway's own tokens need no identity provider.",
  ])
})
