import { createPublicRequests, type PublicRequest, sendPublic } from '@rekey/test-support/public-requests'
import { recordRoutes } from '@rekey/test-support/registered-routes'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import { connect } from 'nats'
import t from 'tap'
import { createAttackerHttp } from './attacker-http.ts'

// What a browser states about a request, on every route of the public port. Each route gets some of the combinations, and
// 53 routes in a row all of them. cross-site.proof.ts: every combination on every route.

const isProof = process.env.REKEY_CROSS_SITE === 'all'

const routesOf = recordRoutes(t)
const rekey = await startRekey(t, { staffConsole: true, env: { REKEY_RESEND_SECONDS: '1' } })
const http = createAttackerHttp(rekey.url, {})
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())
const nats = await connect({ servers: rekey.nats.url })
t.teardown(() => nats.close())
const streams = await nats.jetstreamManager()

const requests = await createPublicRequests(rekey)
/** Routes that the contract and the pages do not name: of the proxy, HEAD, the files of pages. */
const others = routesOf('POST /oauth/v2/login')
  .filter((route) => !(route in requests) && !route.startsWith('OPTIONS '))
  .map((route): [string, PublicRequest] => [
    route,
    { path: (route.split(' ')[1] ?? '').replaceAll(/:\w+|\*/g, '1'), needsNone: '' },
  ])
/** Forwarded paths take every method: an unusual one stands for the rest. */
const isUsual = ([route]: [string, unknown]) => /^(GET|HEAD|POST|PUT|PATCH|DELETE|QUERY) /.test(route)
const routes = [...Object.entries(requests), ...others].filter(isUsual)

/** Routes without an effect: any site may load them. */
const isRead = (route: string) =>
  /^(GET|HEAD) \/(healthz|readyz|\.well-known\/.*|(openapi|asyncapi)\.json|(pages|docs)\/\w+\.\w+)$/.test(route)
/** Pages, to which any site may have a link. */
const isPage = (route: string) =>
  [
    /^GET \/(oauth\/v2\/authorize|account(\/.*)?|not-me|n\/:handle|restore-veto|v\/:handle|docs(\/events)?)?$/,
    /^GET \/restore(\/\w+|\/:flow\/:step|\/\*)?$/,
    /^GET \/staff(\/(?!sign-in\/start$).*)?$/,
  ].some((pages) => pages.test(route))

const registered = 'http://localhost'
/** A development server, which the sandbox serves. */
const development = 'http://localhost:5173'
const origins = [
  undefined,
  rekey.url,
  registered,
  development,
  'null',
  'https://evil.example',
  `${rekey.url}.evil.example`,
  '',
]
const sites = [undefined, 'same-origin', 'none', 'same-site', 'cross-site', '', 'same-origin, cross-site']
const destinations = [
  {},
  { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
  { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
  { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
  { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
]
const isLink = (headers: Record<string, string>) => headers['sec-fetch-dest'] === 'document'

interface Sent {
  headers: Record<string, string>
  /** Another site made the browser send it. */
  isForeign: boolean
}

const combinations: Sent[] = origins.flatMap((origin) =>
  sites.flatMap((site) =>
    destinations.map((destination) => {
      const ownSite = site === 'same-origin' || site === 'none'
      const ownOrigin = origin === undefined || origin === rekey.url || (origin === 'null' && ownSite)
      const isForeign =
        origin !== registered && origin !== development && !((site === undefined || ownSite) && ownOrigin)
      const headers = {
        ...(origin !== undefined && { origin }),
        ...(site !== undefined && { 'sec-fetch-site': site }),
        ...destination,
      }
      return { headers, isForeign }
    }),
  ),
)

const links = combinations.filter(({ headers }) => isLink(headers))
/** One of `step`: the steps below share no factor with the lengths of the lists above, so that each route gets a mixture. */
const some = (all: Sent[], step: number, index: number) => all.filter((_, at) => isProof || (at + index) % step === 0)
/** Routes that no contract names get the combinations of a link alone, which is what a route may allow. */
const combinationsOf = (route: string, index: number) =>
  route in requests ? some(combinations, 53, index) : some(links, 23, index)

const isAllowed = (route: string, { headers, isForeign }: Sent) =>
  !isForeign || isRead(route) || (isPage(route) && isLink(headers))

const send = (route: string, request: PublicRequest, headers: Record<string, string>) =>
  sendPublic({ http }, route, request, headers)

const refusal = 'A browser sent the request for another website, whose origin no client has registered.'
const isRefusal = ({ status, text }: { status: number; text: string }) =>
  status === 403 &&
  (text === '' || text.includes('cross_site_request') || text.includes(refusal) || text.includes('<h1>'))

/** What requests have had an effect on, except the password-service's tables: events or its answers show those. */
const effects = async () => {
  const { last_seq } = (await streams.streams.info('AUTH')).state
  const keys = await redis.keys('*')
  return { events: last_seq, quotas: keys.filter((key) => /:(code|answer|login|token|password):/.test(key)), keys }
}

t.test('S38: what a browser sends for another site is refused on every route, and spends nothing', async (t) => {
  const spent = (await effects()).quotas
  if (spent.length > 0) await redis.del(spent)
  const before = await effects()
  for (const [index, [route, request]] of routes.entries()) {
    const wrong: unknown[] = []
    const refused = combinationsOf(route, index).filter((sent) => !isAllowed(route, sent))
    await Promise.all(
      refused.map(async ({ headers }) => {
        const answer = await send(route, request, headers)
        if (!isRefusal(answer)) wrong.push({ headers, status: answer.status })
      }),
    )
    t.same(wrong, [], `${route}: ${refused.length} refused`)
  }
  const after = await effects()
  t.same(after.quotas, [])
  t.equal(after.events, before.events)
  t.same(
    after.keys.filter((key) => !before.keys.includes(key)),
    [],
  )
})

t.test('S38: the refusal has the shape of the endpoint', async (t) => {
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  const of = async (route: string) => send(route, requests[route] as PublicRequest, evil)
  const oauth = await of('POST /oauth/v2/passwordRestore')
  t.match(oauth, { status: 403, body: { error: 'access_denied', error_description: refusal } })
  t.equal(oauth.headers.get('access-control-allow-origin'), null)
  t.match(await of('GET /api/v2/my/2fa/unauthorized/challenge'), {
    status: 403,
    body: { code: 'cross_site_request', status: 403, title: refusal },
  })
  t.match(await of('POST /restore'), { status: 403, text: 'This came from another website' })
})

t.test('S38: our own pages, registered origins, links to pages, and programs are served', async (t) => {
  for (const [index, [route, { path }]] of routes.entries()) {
    const wrong: unknown[] = []
    const served = combinationsOf(route, index).filter((sent) => isAllowed(route, sent))
    await Promise.all(
      served.map(async ({ headers }) => {
        // Without a body: a valid one would set passwords and send mail.
        const answer = await send(route, { path, needsNone: '' }, headers)
        if (isRefusal(answer) && !answer.text.includes('success_token_refused')) wrong.push(headers)
      }),
    )
    t.same(wrong, [], `${route}: ${served.length} served`)
  }
  for (const headers of [{}, { origin: registered, 'sec-fetch-site': 'cross-site' }]) {
    const route = 'POST /oauth/v2/passwordRestore'
    t.equal((await send(route, requests[route] as PublicRequest, headers)).status, 200)
  }
})
