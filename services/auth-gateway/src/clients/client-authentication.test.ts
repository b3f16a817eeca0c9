import { createCustomer, sql } from '@rekey/test-support/customers'
import {
  asBearer,
  askLogin,
  askRestore,
  claimsOf,
  login,
  loginBody,
  messageAfter,
  restore,
  restoreBody,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor } from '@rekey/test-support/visitor'
import { connect } from 'nats'
import t, { type Test } from 'tap'
import { registry, webApp, webAppRedirect } from './registry.fixture.ts'

// Every endpoint that records the client's name, with every way to authenticate.

const rekey = await startRekey(t, { env: { ...registry(t), REKEY_DEFAULT_CLIENT_ID: 'ib_localhost' } })
const { http } = rekey
const { client_id, client_secret } = webApp
const own = { client_id, redirect_uri: webAppRedirect }

const basicOf = (id: string, secret: string) => ({
  authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`,
})

type Send = (body: object, headers: Record<string, string>) => Promise<Answer>

interface Endpoint {
  send: Send
  /** Undefined: the header has another use there. */
  basic?: boolean
  /** Undefined: the URL must not contain a secret. */
  inBody?: boolean
}

const customer = () => createCustomer(rekey.postgres.url)
const both = { basic: true, inBody: true }
const post =
  (path: string, request: object): Send =>
  (body, headers) =>
    http.post(path, { ...request, ...body }, headers)

/** Each endpoint with a request that only lacks the client's authentication. */
const endpoints: Record<string, () => Promise<Endpoint>> = {
  A1: async () => ({ ...both, send: post('/oauth/v2/passwordRestore', restoreBody((await customer()).email, own)) }),
  'A2, sign_token': async () => {
    const { answer, confirmation } = await askRestore(rekey, (await customer()).email, { ...own, client_secret })
    return {
      ...both,
      send: post('/oauth/v2/passwordRestoreVerification', verificationBody(answer.body.mfa_token, confirmation)),
    }
  },
  'A2, client_id stated, code': async () => {
    const { answer, confirmation } = await askRestore(rekey, (await customer()).email, { ...own, client_secret })
    const request = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', client_id })
    return { ...both, send: post('/oauth/v2/passwordRestoreVerification', request) }
  },
  A3: async () => {
    const { answer, confirmation } = await askRestore(rekey, (await customer()).email, { ...own, client_secret })
    const request = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'access_token', ...webApp })
    const { access_token } = (await http.post('/oauth/v2/passwordRestoreVerification', request)).body
    const reset = {
      client_timezone: '-3',
      ip: '::1',
      response_type: 'code',
      source_system: 'IB',
      password: 'a new password',
    }
    return {
      inBody: true,
      send: (body) =>
        http.post('/oauth/v2/passwordRestoreReset', { ...reset, ...body }, asBearer(String(access_token))),
    }
  },
  A4: async () => ({ ...both, send: post('/oauth/v2/login', loginBody(await customer(), own)) }),
  A4b: async () => {
    const { body } = await login(rekey, await customer(), { ...own, client_secret })
    const choice = { challenge_type: body.challenge_type[0], client_timezone: '-3', response_type: 'code', state }
    return { ...both, send: post('/oauth/v2/challenge', { ...choice, mfa_token: body.mfa_token }) }
  },
  'A5, mfa_oob': async () => {
    const { answer, confirmation } = await askLogin(rekey, await customer(), { ...own, client_secret })
    const { mfa_token } = answer.body
    return { ...both, send: post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token, code: confirmation }) }
  },
  B5b: async () => {
    const address = encodeURIComponent((await customer()).email)
    const query = `businessProcess=restorePassword&email=${address}&client_id=${encodeURIComponent(client_id)}`
    return {
      basic: true,
      send: (_body, headers) => http.get(`/api/v2/my/2fa/unauthorized/challenge?${query}`, headers),
    }
  },
}

const connection = await connect({ servers: rekey.nats.url })
t.teardown(() => connection.close())
const streams = await connection.jetstreamManager()

/** How many events name the client. */
const recorded = async () => {
  let count = 0
  for (const stream of ['AUTH', 'PASSWORD']) {
    const { first_seq, last_seq } = (await streams.streams.info(stream)).state
    for (let seq = Math.max(1, first_seq); seq <= last_seq; seq += 1) {
      const message = await streams.streams.getMessage(stream, { seq })
      if (message.json<{ clientId?: string }>().clientId === client_id) count += 1
    }
  }
  return count
}

const isInvalidClient = (t: Test, answer: Answer, what: string) => {
  t.equal(answer.status, 401, what)
  t.match(answer.text, 'invalid_client', what)
  t.match(answer.headers.get('www-authenticate'), 'Basic', what)
}

for (const [name, prepare] of Object.entries(endpoints)) {
  t.test(`S46: ${name} refuses a confidential client without its secret, and records nothing`, async (t) => {
    const { send, basic, inBody } = await prepare()
    const before = await recorded()
    isInvalidClient(t, await send({}, {}), 'no secret')
    if (inBody) {
      isInvalidClient(t, await send({ client_id }, {}), 'its id alone')
      for (const wrong of ['wrong', client_secret.toUpperCase(), `${client_secret} `]) {
        isInvalidClient(t, await send({ client_id, client_secret: wrong }, {}), `in the body: ${wrong}`)
      }
    }
    if (basic) {
      for (const wrong of ['wrong', client_secret.toUpperCase(), `${client_secret} `]) {
        isInvalidClient(t, await send({}, basicOf(client_id, wrong)), `by Basic: ${wrong}`)
      }
    }
    t.equal(await recorded(), before, 'no event names the client')
    const right = basic
      ? await send({}, basicOf(client_id, client_secret))
      : await send({ client_id, client_secret }, {})
    t.equal(right.status, 200, `the refusals spent nothing: ${right.text}`)
  })

  t.test(`S46: ${name} accepts the secret in the body`, async (t) => {
    const { send, inBody } = await prepare()
    if (!inBody) return t.comment('a URL must not contain a secret (RFC 6749 §2.3.1)')
    const right = await send({ client_id, client_secret }, {})
    t.equal(right.status, 200, right.text)
    const token = right.body.access_token ?? right.body.sign_token
    if (token) t.equal(claimsOf(String(token)).client_id, client_id)
  })
}

t.test('S46: another client cannot continue what a client began', async (t) => {
  const { answer, confirmation } = await askRestore(rekey, (await customer()).email, { ...own, client_secret })
  const verify = (other: object, headers: Record<string, string> = {}) =>
    http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(answer.body.mfa_token, confirmation, other),
      headers,
    )
  const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }
  t.match(await verify({ client_id: 'another_app' }), invalidGrant)
  t.match(await verify({ client_id: 'backend_fin', client_secret: 'secretkey' }), invalidGrant)
  t.match(await verify({}, basicOf('backend_fin', 'secretkey')), invalidGrant)
  t.equal((await verify(webApp)).status, 200)
})

t.test(
  'S46: a hosted restore for a confidential client names the default client, and leads back all the same',
  async (t) => {
    const { id, email } = await customer()
    const visitor = createVisitor(rekey.http)
    const start = await visitor.open(`/restore?${new URLSearchParams({ client_id, redirect_uri: webAppRedirect })}`)
    const code = await visitor.submit(start, { username: email })
    const password = await visitor.submit(code, { code: await confirmationFor(rekey.inbox, code, email) })
    const done = await visitor.submit(password, { password: 'four words of mine' })
    t.match(done.text, `<a class="button" href="${webAppRedirect}`)
    const rows = await sql(rekey.postgres.url, 'SELECT client_id FROM password_change WHERE customer_id = $1', [id])
    t.same(rows, [{ client_id: 'ib_localhost' }])
  },
)

t.test('public clients need no secret, and a secret of one is refused', async (t) => {
  const { email } = await customer()
  t.equal((await http.post('/oauth/v2/passwordRestore', restoreBody(email))).status, 200)
  const refused = await http.post('/oauth/v2/passwordRestore', restoreBody(email, { client_secret: 'x' }))
  isInvalidClient(t, refused, 'a secret of a public client')
  const query = `businessProcess=restorePassword&email=${encodeURIComponent(email)}`
  const asked = await messageAfter(rekey, email, () => http.get(`/api/v2/my/2fa/unauthorized/challenge?${query}`))
  t.equal(asked.answer.status, 200)
})

t.test('S46: the history names the client that authenticated', async (t) => {
  const one = await customer()
  const { answer, confirmation } = await askRestore(rekey, one.email, { ...own, client_secret })
  const request = verificationBody(answer.body.mfa_token, confirmation, webApp)
  const { sign_token } = (await http.post('/oauth/v2/passwordRestoreVerification', request)).body
  t.equal((await restore(rekey, String(sign_token), 'a new password')).status, 204)
  const rows = await sql(rekey.postgres.url, 'SELECT client_id FROM password_change WHERE customer_id = $1', [one.id])
  t.same(rows, [{ client_id }])
})
