import { createHash } from 'node:crypto'
import { createCustomer } from '@rekey/test-support/customers'
import { signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { leavePages } from '@rekey/test-support/visitor'
import fc from 'fast-check'
import t from 'tap'
import { type BegunAuthorization, createClient } from './index.ts'

const rekey = await startRekey(t)
const redirectUri = 'http://localhost'
const client = createClient({ baseUrl: `${rekey.url}/`, clientId: 'ib_localhost', redirectUri })

t.test('A7: a restore on the pages of Rekey takes three calls, and its callback is redeemed once', async (t) => {
  const { email } = await createCustomer(rekey.postgres.url)
  const begun: BegunAuthorization = JSON.parse(JSON.stringify(await client.beginAuthorization()))
  const callback = await leavePages(rekey, begun.url, email)
  const grant = await client.finishAuthorization(begun, callback)
  await t.rejects(client.setPassword(grant, 'short'), { code: 'password_refused' })
  await client.setPassword(grant, 'a password after the pages')
  t.ok(await signsIn(rekey, { email }, 'a password after the pages'))
  await t.rejects(client.finishAuthorization(begun, callback), { code: 'invalid_grant', status: 400 })
})

t.test('A7: a callback that another browser began is refused by its code verifier', async (t) => {
  const { email } = await createCustomer(rekey.postgres.url)
  const begun = await client.beginAuthorization({ state: 'one' })
  const another = await client.beginAuthorization({ state: 'one' })
  const callback = await leavePages(rekey, begun.url, email)
  await t.rejects(client.finishAuthorization(another, callback), { code: 'invalid_grant' })
})

t.test('A7: a client that may not restore gets the error of the callback', async (t) => {
  const confidential = createClient({
    baseUrl: rekey.url,
    clientId: 'bank_backend',
    redirectUri: 'http://localhost:3000/',
  })
  const begun = await confidential.beginAuthorization()
  const answer = await fetch(begun.url, { redirect: 'manual' })
  const callback = String(answer.headers.get('location'))
  await t.rejects(confidential.finishAuthorization(begun, callback), {
    code: 'unauthorized_client',
    description: /./,
    status: 0,
  })
})

t.test('A7: every URL has a fresh state and an S256 challenge of its verifier (RFC 7636 §4.2)', async (t) => {
  const all = await Promise.all(Array.from({ length: 50 }, () => client.beginAuthorization()))
  for (const { url, state, codeVerifier } of all) {
    const { origin, pathname, searchParams } = new URL(url)
    t.equal(origin + pathname, `${rekey.url}/oauth/v2/authorize`)
    t.same(Object.fromEntries(searchParams), {
      response_type: 'code',
      client_id: 'ib_localhost',
      redirect_uri: redirectUri,
      scope: 'CUSTOMER:PASSWORD:RESTORE',
      state,
      code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    t.match(codeVerifier, /^[\w-]{43}$/)
  }
  t.equal(new Set(all.flatMap(({ state, codeVerifier }) => [state, codeVerifier])).size, 100)
  await t.rejects(createClient({ baseUrl: rekey.url }).beginAuthorization(), { name: 'TypeError' })
})

t.test(
  'A7: a callback whose state or iss is absent, another or given twice is refused, and sends nothing',
  async (t) => {
    const own = { state: 'the state', iss: 'https://id.bank.example' }
    const sent: unknown[] = []
    const offline = createClient({
      baseUrl: 'http://127.0.0.1:1',
      issuer: own.iss,
      clientId: 'ib_localhost',
      redirectUri,
      fetch: async (url) => {
        sent.push(url)
        return Response.json({ access_token: 'a', expires_in: 600 })
      },
    })
    const finish = (query: [string, string][]) =>
      offline.finishAuthorization(
        { state: own.state, codeVerifier: 'v' },
        `${redirectUri}/?${new URLSearchParams(query)}`,
      )
    t.match(await finish([...Object.entries(own), ['code', 'c']]), { successToken: 'a' })
    sent.length = 0

    const other = fc.oneof(fc.string(), fc.constantFrom('', `${own.iss}/`, own.iss.toUpperCase(), 'The state'))
    const only = (...values: string[]): fc.Arbitrary<string[]> => fc.constant(values)
    const values = (right: string) =>
      fc.oneof(
        fc.constant([]),
        other.map((one): string[] => [one]),
        fc.constant([right, right]),
      )
    const wrong = fc.oneof(fc.tuple(values(own.state), only(own.iss)), fc.tuple(only(own.state), values(own.iss)))
    const answer = fc.constantFrom<[string, string]>(['code', 'c'], ['error', 'access_denied'])
    await fc.assert(
      fc.asyncProperty(wrong, answer, async ([state, iss], kind) => {
        const isOwn = state.join() === own.state && iss.join() === own.iss
        const query: [string, string][] = [
          ...state.map((one): [string, string] => ['state', one]),
          ...iss.map((one): [string, string] => ['iss', one]),
          kind,
        ]
        if (!isOwn) await t.rejects(finish(query), { code: 'callback_refused', status: 0 })
      }),
    )
    t.same(sent, [])
  },
)
