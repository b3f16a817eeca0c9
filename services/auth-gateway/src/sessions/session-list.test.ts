import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, backOfficeToken, claimsOf, race, signInTokens } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import t from 'tap'
import { registry, webApp, webAppRedirect } from '../clients/registry.fixture.ts'
import { createSessionClient, invalidGrant } from './sessions.fixture.ts'

const rekey = await startRekey(t, { env: registry(t) })
const { http } = rekey
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())
const { refresh, isEndedEverywhere, isActive, eventsOf } = createSessionClient(rekey)

interface Session {
  id: string
  client: string
  createdAt: string
  lastUsedAt: string
  ip: string
  current: boolean
}
type Tokens = Awaited<ReturnType<typeof signInTokens>>

const newCustomer = () => createCustomer(rekey.postgres.url)
const sidOf = ({ access_token }: Tokens) => String(claimsOf(access_token).sid)
const list = (token: string) => http.get<{ total: number; data: Session[] }>('/api/v2/my/sessions', asBearer(token))
const endOne = (token: string, id: string) => http.send('DELETE', `/api/v2/my/sessions/${id}`, asBearer(token))
const endOthers = (token: string) => http.send('DELETE', '/api/v2/my/sessions', asBearer(token))
const keysOf = ({ code }: TestCustomer, sid: string) => ({
  index: `rekey:{${code}}:sessions`,
  session: `rekey:{${code}}:session:${sid}`,
})

t.test('B12: the list states each session, the latest sign-in first', async (t) => {
  const customer = await newCustomer()
  const phone = await signInTokens(rekey, customer)
  rekey.clock.advance(60_000)
  const desk = await signInTokens(rekey, customer, { redirect_uri: webAppRedirect, ip: '203.0.113.7' }, webApp)
  const { status, body } = await list(phone.access_token)
  t.equal(status, 200)
  t.equal(body.total, 2)
  t.match(body.data, [
    { id: sidOf(desk), client: webApp.client_id, current: false },
    { id: sidOf(phone), client: 'ib_localhost', ip: '127.0.0.1', current: true },
  ])
  for (const { createdAt, lastUsedAt } of body.data) {
    t.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/)
    const unusedMs = Date.parse(lastUsedAt) - Date.parse(createdAt)
    t.ok(unusedMs >= 0 && unusedMs < 60_000, 'not used since its sign-in')
  }

  rekey.clock.advance(600_000)
  const refreshed = await refresh(desk.refresh_token, { ...webApp, ip: '203.0.113.8' })
  t.equal(refreshed.status, 200)
  const [used, unused] = (await list(String(refreshed.body.access_token))).body.data
  t.match(used, { id: sidOf(desk), createdAt: body.data[0]?.createdAt, ip: '203.0.113.8', current: true })
  t.ok(Date.parse(used?.lastUsedAt ?? '') - Date.parse(used?.createdAt ?? '') >= 600_000, 'a refresh is a use')
  t.same(unused, { ...body.data[1], current: false })
})

t.test('B12, S21: the end of one session ends its tokens everywhere, and no other session', async (t) => {
  const customer = await newCustomer()
  const [one, two] = [await signInTokens(rekey, customer), await signInTokens(rekey, customer)]
  t.equal((await endOne(one.access_token, sidOf(two))).status, 204)
  t.match(await refresh(two.refresh_token), invalidGrant)
  await isEndedEverywhere(t, two.access_token)
  await isActive(t, one.access_token, 'the session that ended it')
  t.match((await list(one.access_token)).body.data, [{ id: sidOf(one) }])
  t.match(await eventsOf('auth.session.revoked', customer.code), [
    { sessionId: sidOf(two), reason: 'revoked', by: 'customer', clientId: 'ib_localhost' },
  ])
  t.equal((await endOne(one.access_token, sidOf(two))).status, 204, 'a repeated request')
  t.equal((await endOne(one.access_token, sidOf(one))).status, 204, 'its own session')
  await isEndedEverywhere(t, one.access_token)
})

t.test("B12: an unknown id and another customer's id are answered alike", async (t) => {
  const [mine, theirs] = [await newCustomer(), await newCustomer()]
  const [own, other] = [await signInTokens(rekey, mine), await signInTokens(rekey, theirs)]
  const answers = await Promise.all(
    [sidOf(other), '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11', 'x', `${sidOf(own)}%20`].map((id) =>
      endOne(own.access_token, encodeURIComponent(id)),
    ),
  )
  for (const { status, text } of answers) t.same([status, text], [404, answers[0]?.text])
  t.match(answers[0]?.body, { code: 'not_found', detail: 'There is no such session.' })
  await isActive(t, other.access_token, "the other customer's session")
  t.match((await http.get('/api/v2/my/sessions')).status, 401)
  t.equal((await list(await backOfficeToken(rekey))).status, 403)
})

t.test(
  'B12, S21: the end of all others keeps the session that asked, also of sessions that are not listed',
  async (t) => {
    const customer = await newCustomer()
    const [kept, listed, unlisted] = [
      await signInTokens(rekey, customer),
      await signInTokens(rekey, customer),
      await signInTokens(rekey, customer),
    ]
    await redis.zrem(keysOf(customer, sidOf(unlisted)).index, sidOf(unlisted))
    t.equal((await endOthers(kept.access_token)).status, 204)
    for (const { access_token } of [listed, unlisted]) await isEndedEverywhere(t, access_token)
    for (const { refresh_token } of [listed, unlisted]) t.match(await refresh(refresh_token), invalidGrant)
    t.match((await list(kept.access_token)).body, { total: 1, data: [{ id: sidOf(kept), current: true }] })
    t.equal((await refresh(kept.refresh_token)).status, 200)
    const after = await signInTokens(rekey, customer)
    t.match((await list(after.access_token)).body.data, [{ id: sidOf(after) }, { id: sidOf(kept) }])
  },
)

t.test('B12: of two sessions that end all others at once, one ends the other', async (t) => {
  const customer = await newCustomer()
  const sessions = [await signInTokens(rekey, customer), await signInTokens(rekey, customer)]
  const answers = await race(2, (index) => endOthers(sessions[index]?.access_token ?? ''))
  t.same(answers.map(({ status }) => status).toSorted(), [204, 401])
  const [winner, loser] = answers[0]?.status === 204 ? sessions : sessions.toReversed()
  await isEndedEverywhere(t, loser?.access_token)
  await isActive(t, winner?.access_token, 'the one that was first')
})

t.test('B12: staff see the sessions of a customer, and end all of them', async (t) => {
  const customer = await newCustomer()
  const tokens = [await signInTokens(rekey, customer), await signInTokens(rekey, customer)]
  const staff = asBearer(await backOfficeToken(rekey))
  const path = `/api/v2/clients/${customer.id}/sessions`
  const shown = await http.get<{ total: number; data: object[] }>(path, staff)
  t.match(shown, { status: 200, body: { total: 2, data: [{ id: sidOf(tokens[1] as Tokens) }, {}] } })
  t.notOk('current' in (shown.body.data[0] ?? {}))
  const [read] = (await rekey.logOf('auth-gateway')).filter(({ event }) => event === 'back_office_read')
  t.match(read, { customerId: customer.id, actorId: 'backend_fin', actor: 'back_office' })

  t.equal((await http.send('DELETE', `${path}?reason=a%20stolen%20phone`, staff)).status, 204)
  for (const { access_token } of tokens) await isEndedEverywhere(t, access_token)
  t.match((await http.get(path, staff)).body, { total: 0, data: [] })
  const { body } = await http.get<{ data: object[] }>(`/api/v2/clients/${customer.id}/records`, staff)
  t.match(body.data, [{ operation: 'end_sessions', actorId: 'backend_fin', reason: 'a stolen phone' }])
  const message = await eventually(
    async () => (await rekey.inbox.messagesTo(customer.email)).find(({ Subject }) => /signed out/.test(Subject)),
    { what: 'the notification' },
  )
  t.match(message.Text, 'signed you out on all devices')

  for (const method of ['GET', 'DELETE']) {
    t.equal((await http.send(method, '/api/v2/clients/2147483647/sessions', staff)).status, 404)
    t.equal((await http.send(method, path)).status, 401)
    t.equal((await http.send(method, path, asBearer((await signInTokens(rekey, customer)).access_token))).status, 403)
  }
})

t.test('B12: a session of the version before is listed from its next refresh on', async (t) => {
  const customer = await newCustomer()
  const [old, watcher] = [await signInTokens(rekey, customer), await signInTokens(rekey, customer)]
  const { index, session } = keysOf(customer, sidOf(old))
  await redis.multi().zrem(index, sidOf(old)).hdel(session, 'listing').exec()
  t.match((await list(watcher.access_token)).body.data, [{ id: sidOf(watcher) }])
  t.equal((await endOne(watcher.access_token, sidOf(old))).status, 404)
  t.equal((await refresh(old.refresh_token)).status, 200)
  t.equal((await list(watcher.access_token)).body.total, 2)
  t.equal((await endOne(watcher.access_token, sidOf(old))).status, 204)
})

t.test('B12: a list ends with its last session, and has a hundred at most', async (t) => {
  const customer = await newCustomer()
  const first = await signInTokens(rekey, customer)
  const { index } = keysOf(customer, sidOf(first))
  const hours = (await redis.pttl(index)) / 3_600_000
  t.ok(hours > 11.9 && hours <= 12, `${hours} h`)
  const later = rekey.clock.now().getTime() + 13 * 3_600_000
  await redis.zadd(index, ...Array.from({ length: 150 }, (_, number) => [later + number, `more ${number}`]).flat())
  const last = await signInTokens(rekey, customer)
  t.equal(await redis.zcard(index), 100)
  t.equal((await list(last.access_token)).body.total, 0, 'what the gateway did not write is not listed')
  rekey.clock.advance(12 * 3_600_000)
  const next = await signInTokens(rekey, customer)
  t.equal(await redis.zscore(index, sidOf(last)), null, 'expired sessions leave the list')
  t.ok(next)
})

t.test('S40: whatever is changed in Redis, the list states no other client, time or address', async (t) => {
  const [mine, theirs] = [await newCustomer(), await newCustomer()]
  const [own, second] = [await signInTokens(rekey, mine), await signInTokens(rekey, mine)]
  const foreign = await signInTokens(rekey, theirs)
  const honest = new Map((await list(own.access_token)).body.data.map((session) => [session.id, session]))
  const keys = {
    own: keysOf(mine, sidOf(own)),
    second: keysOf(mine, sidOf(second)),
    foreign: keysOf(theirs, sidOf(foreign)),
  }
  const original = await redis.hgetall(keys.second.session)
  const sealed = {
    own: await redis.hget(keys.own.session, 'listing'),
    foreign: await redis.hget(keys.foreign.session, 'listing'),
  }
  const values = fc.oneof(fc.string(), fc.constantFrom('active', '', String(sealed.own), String(sealed.foreign)))
  const changes = fc.dictionary(fc.constantFrom('listing', 'state', 'epoch', 'scope', 'endsAt'), values, { minKeys: 1 })
  const members = fc.array(fc.constantFrom(sidOf(foreign), sidOf(own), 'x', ''), { maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(changes, members, async (change, added) => {
      await redis.hset(keys.second.session, change)
      for (const member of added) await redis.zadd(keys.own.index, 99_999_999_999_999, member)
      const { data } = (await list(own.access_token)).body
      const seen = new Set<string>()
      for (const session of data) {
        t.same(session, honest.get(session.id))
        seen.add(session.id)
      }
      t.equal(seen.size, data.length)
      await redis.multi().del(keys.second.session).hset(keys.second.session, original).exec()
    }),
    { numRuns: 60 },
  )
  const tampered = (await rekey.logOf('auth-gateway')).filter(({ kind }) => kind === 'session listing')
  t.ok(tampered.length > 0, 'it is logged')
  for (const value of Object.values(await redis.hgetall(keys.foreign.session))) t.notMatch(value, '127.0.0.1', 'S35')
})

t.test('B12: while the broker or the password-service is away, nothing is half-done', async (t) => {
  const customer = await newCustomer()
  const [one, two] = [await signInTokens(rekey, customer), await signInTokens(rekey, customer)]
  await rekey.stop('password-service')
  t.equal((await endOthers(one.access_token)).status, 503)
  const staff = asBearer(await backOfficeToken(rekey))
  t.equal((await http.get(`/api/v2/clients/${customer.id}/sessions`, staff)).status, 503)
  t.equal((await list(two.access_token)).body.total, 2, 'the list needs the gateway alone')
  t.match(await sql(rekey.postgres.url, 'SELECT session_epoch AS epoch FROM customer WHERE id = $1', [customer.id]), [
    { epoch: 0 },
  ])
})
