import { createPublicRequests, sendPublic } from '@rekey/test-support/public-requests'
import { recordRoutes } from '@rekey/test-support/registered-routes'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t from 'tap'

const routesOf = recordRoutes(t)
const rekey = await startRekey(t, { staffConsole: true, env: { REKEY_RESEND_SECONDS: '1' } })
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())

const requests = await createPublicRequests(rekey)

/** The actions whose quota of an address was spent. */
const spent = async () => [
  ...new Set((await redis.keys('rekey:{limits}:*:address:*')).map((key) => key.split(':')[2] ?? '')),
]

t.test('S39: every public route spends a quota, unless it costs nothing', async (t) => {
  for (const [route, request] of Object.entries(requests)) {
    const before = await redis.keys('rekey:{limits}:*')
    if (before.length > 0) await redis.del(before)
    const { status } = await sendPublic(rekey, route, request)
    t.same(await spent(), 'spends' in request ? [request.spends] : [], `${route}: ${status}`)
  }
})

t.test('S39: a new route is missing in neither list', async (t) => {
  const asset = /^(GET|HEAD) \/(pages|docs)\/\w+\.\w+$/
  /** Paths that are forwarded whole: the test above has each of the contract. */
  const isProxied = (route: string) =>
    /\/(my\/password|my\/factors|my\/sessions|clients|jobs|approvals|passwordRestoreReset|sessions)(\/\*?)?$/.test(
      route,
    )
  /** Pages of the console: without a session, each is one look-up and a redirect to the sign-in. */
  const isConsole = (route: string) => /^\w+ \/staff(\/|$)/.test(route)
  const missing = routesOf('POST /oauth/v2/login').filter(
    (route) =>
      !(route.replace('HEAD ', 'GET ') in requests) &&
      !route.startsWith('OPTIONS ') &&
      !isProxied(route) &&
      !isConsole(route) &&
      !asset.test(route),
  )
  t.same(missing, [])
})
