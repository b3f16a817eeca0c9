import { createCustomer } from '@rekey/test-support/customers'
import { signIn as signInCustomer } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { createDesk, type DeskBrowser, titleOf } from './console.fixture.ts'

const rekey = await startRekey(t, { staffConsole: true })
const { clock, provider } = rekey
if (!provider) throw new Error('no demo provider')
const { settings } = provider
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())

const minute = 60_000
/** Longer than the tests move the clock: the provider's own clock stands still meanwhile. */
const longest = 48 * 3_600
settings.accessTokenSeconds = longest
const sessionCookie = 'rekey-staff'

const signedIn = async (name = 'staff-1') => {
  const desk = createDesk(rekey)
  const password = name === 'staff-1' ? '111111' : '222222'
  const page = await desk.signIn(name, password)
  return { desk, page }
}
const isSignIn = (t: Test, page: { status: number; text: string; url: string }, notice: string) => {
  t.match(page, { status: 200, text: 'Sign in with your work account' })
  t.match(page.text, notice)
}

t.test('a member of staff signs in at the identity provider, and returns to the page', async (t) => {
  const desk = createDesk(rekey)
  const page = await desk.signIn('staff-1', '111111', '/staff/approvals?offset=0')
  t.match(page, { status: 200, url: `${rekey.url}/staff/approvals?offset=0` })
  t.equal(titleOf(page), 'Approvals')
  t.match(page.text, 'Signed in as staff-1')
  t.match(page.headers.get('cache-control'), 'no-store')
  t.match(page.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/)
  const [begun] = (await rekey.logOf('auth-gateway')).filter(({ event }) => event === 'authn_staff_login')
  t.match(begun, { actorId: 'staff-1', address: '127.0.0.1' })
})

t.test('a token that ends is refreshed once, by however many requests; a member who left is signed out', async (t) => {
  settings.accessTokenSeconds = 300
  const desk = createDesk({ url: rekey.url })
  await desk.signIn('staff-1', '111111')
  settings.accessTokenSeconds = 3_600
  clock.advance(290_000)
  const pages = await Promise.all(Array.from({ length: 8 }, () => desk.go('/staff/jobs')))
  t.same(
    pages.map(({ url }) => url),
    Array(8).fill(`${rekey.url}/staff/jobs`),
  )
  clock.advance(200_000)
  t.equal((await desk.go('/staff/approvals')).url, `${rekey.url}/staff/approvals`, 'the first token has ended')

  settings.disabled.add('staff-1')
  for (let minutes = 0; minutes < 60; minutes += 12) {
    await desk.go('/staff/approvals')
    clock.advance(12 * minute)
  }
  isSignIn(t, await desk.go('/staff'), 'You were signed out.')
  settings.disabled.clear()
  settings.accessTokenSeconds = longest
})

t.test('a sign-in finishes in the browser that began it, once', async (t) => {
  const [one, other] = [createDesk(rekey), createDesk(rekey)]
  const answered = await one.answerOf(await one.begin())
  t.match(await other.go(answered), { status: 400, text: 'This sign-in is no longer valid' })
  t.match(await one.go(answered.replace(/iss=[^&]*/, 'iss=https%3A%2F%2Fevil.example')), {
    status: 400,
    text: 'You are not signed in',
  })
  t.match(await one.go(answered), { status: 400, text: 'This sign-in is no longer valid' }, 'the failure used it up')

  const again = await one.answerOf(await one.begin())
  t.equal((await one.go(again)).url, `${rekey.url}/staff`)
  t.match(await one.go(again), { status: 400, text: 'This sign-in is no longer valid' })
  t.match(await one.go('/staff/callback?error=access_denied&state=x'), { status: 400 })
})

t.test('two tabs sign in at once, and each returns to its own page', async (t) => {
  const desk = createDesk(rekey)
  const [first, second] = [await desk.begin('/staff/jobs'), await desk.begin('/staff/approvals')]
  t.equal((await desk.go(await desk.answerOf(second))).url, `${rekey.url}/staff/approvals`)
  t.equal((await desk.go(await desk.answerOf(first))).url, `${rekey.url}/staff/jobs`)
})

t.test('S45: a person without REST:FULL, and a customer, get no console', async (t) => {
  settings.scope = ''
  const desk = createDesk(rekey)
  const page = await desk.signIn('staff-2', '222222')
  settings.scope = 'REST:FULL'
  t.match(page, { status: 403, text: 'Ask your administrator for the permission REST:FULL' })
  t.notOk(desk.cookies.has(sessionCookie))

  const customer = await createCustomer(rekey.postgres.url)
  const token = await signInCustomer(rekey, customer)
  for (const cookie of [token, 'x', '', 'A'.repeat(43)]) {
    const answer = await fetch(`${rekey.url}/staff`, {
      redirect: 'manual',
      headers: { cookie: `${sessionCookie}=${cookie}` },
    })
    t.match(answer.headers.get('location'), /^\/staff\/sign-in\?/)
  }
  const bearer = await fetch(`${rekey.url}/staff`, {
    redirect: 'manual',
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(bearer.status, 303)
})

const ended: [string, (desk: DeskBrowser) => Promise<unknown>][] = [
  ['after 15 minutes without use', async () => clock.advance(15 * minute + 1)],
  [
    'after eight hours of use',
    async (desk) => {
      for (let used = 0; used < 8 * 60; used += 12) {
        t.equal((await desk.go('/staff')).status, 200)
        clock.advance(12 * minute)
      }
    },
  ],
  [
    'when the record of another session takes its place in Redis (S40)',
    async () => {
      const keys = (await redis.keys('rekey:{console:*}:session')).toSorted()
      const sealed = await Promise.all(keys.map((key) => redis.hget(key, 'sealed')))
      // Each session gets the record of the next.
      for (const [index, key] of keys.entries())
        await redis.hset(key, 'sealed', sealed[(index + 1) % keys.length] ?? '')
    },
  ],
]

for (const [when, end] of ended) {
  t.test(`a session ends ${when}, and the next sign-in returns to the page`, async (t) => {
    const { desk, page } = await signedIn()
    await signedIn('staff-2')
    t.equal(page.status, 200)
    await end(desk)
    isSignIn(t, await desk.go('/staff/jobs'), 'You were signed out.')
    const posted = await desk.submit(page, '/staff/customers', { who: 'EN00000CY' })
    isSignIn(t, posted, 'Nothing was done.')
    t.equal((await desk.signIn('staff-1', '111111', '/staff/jobs')).url, `${rekey.url}/staff/jobs`)
  })
}

t.test('a sign-out ends the session, also for a copy of its cookie', async (t) => {
  const { desk, page } = await signedIn()
  const cookie = `${sessionCookie}=${desk.cookies.get(sessionCookie)}`
  t.match(await desk.submit(page, '/staff/sign-out'), { status: 200, url: `${rekey.url}/staff/signed-out` })
  t.notOk(desk.cookies.has(sessionCookie))
  const copied = await fetch(`${rekey.url}/staff`, { redirect: 'manual', headers: { cookie } })
  t.match(copied.headers.get('location'), /^\/staff\/sign-in/)
  const asked = await desk.go('/staff/sign-in/start')
  t.match(asked.text, 'name="password"', 'the provider asks for the password again, although it has a session')
})

t.test('the console’s cookie is for this host alone, and no script reads it', async (t) => {
  const { desk } = await signedIn('staff-2')
  t.match(
    desk.setCookies.find((line) => line.startsWith(`${sessionCookie}=`)),
    /Path=\/; HttpOnly; SameSite=Lax/i,
  )
})
