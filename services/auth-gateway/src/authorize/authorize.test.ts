import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, codeVerifier, pkce, restore, signsIn, state, wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor, problemOf, titleOf } from '@rekey/test-support/visitor'
import fc from 'fast-check'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t from 'tap'
import { registry, webApp, webAppRedirect } from '../clients/registry.fixture.ts'

const rekey = await startRekey(t, { env: registry(t), gatewayEnv: { REKEY_RESEND_SECONDS: '1' } })
const newCustomer = () => createCustomer(rekey.postgres.url)

const valid = {
  response_type: 'code',
  client_id: 'ib_localhost',
  redirect_uri: 'http://localhost',
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  state,
  ...pkce,
}
type Query = Record<string, string>
const pathOf = (query: Query) => `/oauth/v2/authorize?${new URLSearchParams(query)}`
const open = (query: Query) => fetch(`${rekey.url}${pathOf(query)}`, { redirect: 'manual' })

/** Goes through the pages up to the code. */
const untilCode = async (path: string, email: string) => {
  const visitor = createVisitor(rekey.http)
  const page = await visitor.submit(await visitor.open(path), { username: email })
  const confirmation = await confirmationFor(rekey.inbox, page, email)
  /** Submits the code without following the redirect. */
  const submit = (code = confirmation) => {
    const { action, fields } = visitor.formOf(page, '/code')
    const body = `${new URLSearchParams({ ...fields, code })}`
    return visitor.send('POST', action, { 'content-type': 'application/x-www-form-urlencoded' }, body)
  }
  return { visitor, page, confirmation, submit }
}

t.test('A7: openid-client gets a token that sets the new password, and signs nobody in (S20)', async (t) => {
  const customer = await newCustomer()
  const config = await client.discovery(new URL(rekey.url), 'ib_localhost', undefined, client.None(), {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: 'http://localhost',
    scope: 'CUSTOMER:PASSWORD:RESTORE',
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  t.equal(address.origin + address.pathname, `${rekey.url}/oauth/v2/authorize`)
  const { submit } = await untilCode(address.pathname + address.search, customer.email)
  const callback = new URL(String((await submit()).headers.get('location')))
  t.equal(callback.searchParams.get('iss'), rekey.url)
  const token = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState })
  t.match(token, { scope: 'CUSTOMER:PASSWORD:RESTORE', refresh_token: undefined })
  t.equal((await rekey.http.get('/api/v2/my/sessions', asBearer(token.access_token))).status, 403)
  t.equal((await restore(rekey, token.access_token, 'a new password')).status, 204)
  t.ok(await signsIn(rekey, customer, 'a new password'))
})

t.test('A7: oauth4webapi accepts the response, and a replayed code revokes the token (RFC 9207, S26)', async (t) => {
  const customer = await newCustomer()
  const issuer = new URL(rekey.url)
  const options = { [oauth.allowInsecureRequests]: true }
  const discovery = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' })
  const server = await oauth.processDiscoveryResponse(issuer, discovery)
  const { submit } = await untilCode(pathOf(valid), customer.email)
  const callback = new URL(String((await submit()).headers.get('location')))
  const parameters = oauth.validateAuthResponse(server, { client_id: 'ib_localhost' }, callback, state)
  const redeem = async () => {
    const { redirect_uri } = valid
    const one = { client_id: 'ib_localhost' }
    const args = [parameters, redirect_uri, codeVerifier, options] as const
    const response = await oauth.authorizationCodeGrantRequest(server, one, oauth.None(), ...args)
    return oauth.processAuthorizationCodeResponse(server, one, response)
  }
  const { access_token } = await redeem()
  await t.rejects(redeem(), { name: 'ResponseBodyError', error: 'invalid_grant' })
  await eventually(async () => (await restore(rekey, access_token, 'a new password')).status === 403, {
    what: 'the token to be revoked',
  })
})

const refusals: [name: string, query: Query, error: string][] = [
  ['no response_type', { response_type: '' }, 'invalid_request'],
  ['another response_type', { response_type: 'token' }, 'unsupported_response_type'],
  ['two response types', { response_type: 'code sign_token' }, 'unsupported_response_type'],
  ['another response_mode', { response_mode: 'fragment' }, 'invalid_request'],
  ['another scope', { scope: 'CUSTOMER:FULL' }, 'invalid_scope'],
  ['more than one scope', { scope: 'CUSTOMER:PASSWORD:RESTORE CUSTOMER:FULL' }, 'invalid_scope'],
  ['a malformed scope', { scope: '"' }, 'invalid_scope'],
  ['no challenge', { code_challenge: '' }, 'invalid_request'],
  ['a malformed challenge', { code_challenge: 'short' }, 'invalid_request'],
  ['no method, which means plain', { code_challenge_method: '' }, 'invalid_request'],
  ['plain', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['a confidential client', { client_id: webApp.client_id, redirect_uri: webAppRedirect }, 'unauthorized_client'],
]

for (const [name, change, error] of refusals) {
  t.test(`A7: ${name} redirects with ${error}, state and iss (RFC 6749 §4.1.2.1)`, async (t) => {
    const query = { ...valid, ...change }
    const { status, headers } = await open(query)
    t.equal(status, 303)
    const location = new URL(String(headers.get('location')))
    t.equal(location.origin + location.pathname, new URL(query.redirect_uri ?? '').href)
    const { error_description, ...rest } = Object.fromEntries(location.searchParams)
    t.same(rest, { error, state, iss: rekey.url })
    t.match(error_description, /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
  })
}

t.test('A7: a malformed state is not returned, and one that is left out is not made up', async (t) => {
  const malformed = new URL(String((await open({ ...valid, state: 'ä' })).headers.get('location')))
  t.equal(malformed.searchParams.get('error'), 'invalid_request')
  t.notOk(malformed.searchParams.has('state'))
  const customer = await newCustomer()
  const { submit } = await untilCode(pathOf({ ...valid, state: '', scope: '' }), customer.email)
  const callback = new URL(String((await submit()).headers.get('location')))
  t.same([...callback.searchParams.keys()], ['code', 'iss'])
})

t.test(
  'A7: whatever else the request says, an unregistered client or address gets a page and no redirect',
  async (t) => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('', 'https://evil.example', 'http://localhost.evil.example/', 'code'),
    )
    const other = fc.dictionary(
      fc.constantFrom('response_type', 'scope', 'state', 'code_challenge', 'response_mode'),
      text,
    )
    const foreign = fc.oneof(
      fc.record({ client_id: fc.constant('ib_localhost'), redirect_uri: fc.oneof(text, fc.webUrl()) }),
      fc.record({ client_id: text, redirect_uri: fc.constant('http://localhost') }),
      fc.constantFrom<Query>({}, { redirect_uri: 'http://localhost' }, { client_id: 'ib_localhost' }),
    )
    await fc.assert(
      fc.asyncProperty(foreign, other, async (named, more) => {
        const { status, headers } = await open({ ...valid, client_id: '', redirect_uri: '', ...more, ...named })
        t.same([status, headers.get('location')], [400, null])
        t.match(headers.get('content-type'), 'text/html')
      }),
      { numRuns: 60 },
    )
    const twice = await fetch(`${rekey.url}${pathOf(valid)}&redirect_uri=https%3A%2F%2Fevil.example`, {
      redirect: 'manual',
    })
    t.equal(twice.status, 400, 'a parameter that is given twice')
    const page = await createVisitor(rekey.http).open(pathOf({ ...valid, client_id: 'nobody' }))
    t.equal(titleOf(page), 'This link does not work')
    t.match(page.text, 'no client is registered with this client_id')
  },
)

t.test('A7: two presses give one code; a reload, and back, redirect nowhere', async (t) => {
  const { visitor, submit } = await untilCode(pathOf(valid), (await newCustomer()).email)
  const [first, second] = await Promise.all([submit(), submit()])
  t.equal(first.headers.get('location'), second.headers.get('location'))
  const back = await visitor.open(visitor.at())
  t.equal(back.status, 200)
  t.equal(titleOf(back), 'You have confirmed your code')
  t.match(back.text, 'href="http://localhost?code&#61;')
  rekey.clock.advance(61_000)
  const late = await visitor.open(visitor.at())
  t.notMatch(late.text, 'code&#61;', 'after the life of a code there is none on the page')
})

t.test('A7: a wrong code, a new code and another language lose nothing', async (t) => {
  const customer = await newCustomer()
  const { visitor, page, confirmation, submit } = await untilCode(pathOf(valid), customer.email)
  await submit(wrongCode(confirmation))
  const wrong = await visitor.open(visitor.formOf(page, '/code').action)
  t.match(problemOf(wrong), 'This code is not correct')
  t.match(wrong.headers.get('content-security-policy'), "form-action 'self' http://localhost;")
  rekey.clock.advance(2_000)
  const again = await visitor.submit(await visitor.open(`${visitor.at()}?lang=de`), {}, '/resend')
  const renewed = await confirmationFor(rekey.inbox, again, customer.email)
  const { action, fields } = visitor.formOf(again, '/code')
  const answered = await visitor.send(
    'POST',
    action,
    { 'content-type': 'application/x-www-form-urlencoded' },
    `${new URLSearchParams({ ...fields, code: renewed })}`,
  )
  t.match(answered.headers.get('location'), /^http:\/\/localhost\?code=[\w-]{43}&state=/)
})
