import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { createDemoProvider, demoStaff } from './app.ts'

const client = { clientId: 'console', redirectUri: 'http://127.0.0.1:9/callback', audience: 'urn:example:staff' }
const provider = await createDemoProvider({ host: '127.0.0.1', port: 0, ...client })
t.teardown(() => provider.close())

/** RFC 7636, Appendix B. */
const request = {
  client_id: client.clientId,
  redirect_uri: client.redirectUri,
  response_type: 'code',
  scope: 'openid profile REST:FULL',
  state: 'a state',
  nonce: 'a nonce',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
  resource: client.audience,
}

/** Opens an authorization request, with the cookies of the sign-in. */
const open = async (parameters: Record<string, string>) => {
  const answer = await fetch(`${provider.issuer}/auth?${new URLSearchParams(parameters)}`, { redirect: 'manual' })
  const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0])
  const location = answer.headers.get('location') ?? ''
  return { location, url: new URL(location, provider.issuer), cookie: cookie.join('; ') }
}

const signIn = async ({ url, cookie }: { url: URL; cookie: string }, body: string) => {
  const headers = { cookie, 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await fetch(url, { method: 'POST', redirect: 'manual', headers, body })
  return { status: answer.status, text: await answer.text(), location: answer.headers.get('location') }
}

t.test('each account signs in with its password, and with no other', async (t) => {
  for (const { name, password } of demoStaff) {
    const begun = await open(request)
    const wrong = await signIn(begun, `name=${name}&password=wrong`)
    t.match(wrong, { status: 400, text: 'The name or the password is wrong.' })
    t.match(wrong.text, `value="${name}"`)
    t.equal((await signIn(begun, `name=${name}&password=${password}`)).status, 303)
  }
  for (const body of ['', 'name=staff-1', 'name=__proto__&password=', `name=staff-1&password=${'1'.repeat(5_000)}`])
    t.equal((await signIn(await open(request), body)).status, 400, body.slice(0, 40))
})

t.test('a request without PKCE, of another client or for another audience or address is refused', async (t) => {
  const { code_challenge: _, code_challenge_method: __, ...withoutPkce } = request
  t.match((await open(withoutPkce)).location, /error=invalid_request/)
  t.match((await open({ ...request, resource: 'urn:example:other' })).location, /error=invalid_target/)
  for (const other of [{ client_id: 'other' }, { redirect_uri: 'https://evil.example/' }])
    t.equal((await open({ ...request, ...other })).location, '')
})

t.test('it does not start in production', async (t) => {
  for (const variable of ['NODE_ENV', 'REKEY_PROFILE']) {
    const main = join(import.meta.dirname, 'main.ts')
    const { status, stderr } = spawnSync(process.execPath, [main], { env: { [variable]: 'production' } })
    t.equal(status, 1)
    t.match(String(stderr), 'runs in the sandbox only')
  }
})
