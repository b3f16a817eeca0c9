import { randomBytes, randomInt } from 'node:crypto'
import { consumedEvents, durableName, streams } from '@rekey/contracts'
import { freePort } from '@rekey/local-servers/ports'
import { type DescribedMetric, describeMetrics } from '@rekey/platform/metrics'
import { serveMetrics } from '@rekey/platform/metrics-server'
import { createCustomer } from '@rekey/test-support/customers'
import {
  askLogin,
  askRestore,
  change,
  changeGrant,
  restore,
  restoreBody,
  restoreGrant,
  signIn,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { recordRoutes } from '@rekey/test-support/registered-routes'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { readScrape } from './scrape.ts'

const routesOf = recordRoutes(t)
const rekey = await startRekey(t, { staffConsole: true })
const services = ['auth-gateway', 'password-service', 'notifier'] as const

/** A route that only this service has. */
const routes = {
  'auth-gateway': routesOf('POST /oauth/v2/login'),
  'password-service': routesOf('POST /api/v2/my/password/restore'),
  notifier: routesOf('GET /readyz'),
}
const origins = { 'auth-gateway': rekey.url, 'password-service': rekey.passwordServiceUrl }

/** Personal and random values that the requests below have, in every place that a caller can fill. */
const planted = {
  username: `u${randomBytes(8).toString('hex')}@example.com`,
  phone: `+447700${randomInt(100_000, 999_999)}`,
  code: String(randomInt(100_000, 999_999)),
  id: randomBytes(16).toString('hex'),
  path: `p${randomBytes(8).toString('hex')}`,
  method: 'PROPFIND',
}

const eventTypes = Object.values(streams).flatMap(({ events }) => events.map(({ type }) => type as string))
const consumers = (service: (typeof services)[number]) =>
  consumedEvents[service].map(({ type }) => durableName(service, type))

/** The sets that a sentence names, for each service. */
const named: Record<string, (service: (typeof services)[number]) => (value: string) => boolean> = {
  "patterns of the service's routes, and other": (service) => {
    const patterns = new Set(['other', ...routes[service].map((route) => route.slice(route.indexOf(' ') + 1))])
    return (value) => patterns.has(value)
  },
  'HTTP status codes': () => (value) => /^[2-5]\d\d$/.test(value),
  'types of events': () => (value) => eventTypes.includes(value),
  'durable consumers of the service': (service) => (value) => consumers(service).includes(value),
  'parts of the service': (service) => (value) =>
    [
      'background publisher',
      'sweeper',
      'jobs',
      'removed addresses',
      'waiting restores',
      'outbox PASSWORD',
      'outbox NOTIFY',
    ].includes(value) || consumers(service).some((name) => value === `consumer ${name}`),
  'queues of the service': () => (value) => ['password_hashes', 'password_verifications'].includes(value),
}

const isAllowed = (service: (typeof services)[number], values: DescribedMetric['labels'][string], value: string) =>
  typeof values === 'string' ? named[values]?.(service)(value) === true : values.includes(value)

/** Each journey, so that every step has a value; and each route with planted values. */
const playAll = async () => {
  const customer = await createCustomer(rekey.postgres.url)
  const wrong = await askRestore(rekey, customer.email)
  await rekey.http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(wrong.answer.body.mfa_token, wrongCode(wrong.confirmation)),
  )
  await restore(rekey, await restoreGrant(rekey, customer), 'a new password')
  const person = { ...customer, password: 'a new password' }
  await askLogin(rekey, person)
  const accessToken = await signIn(rekey, person)
  await change(rekey, accessToken, await changeGrant(rekey, person, accessToken), 'another new password')
  await rekey.http.post('/oauth/v2/passwordRestore', restoreBody(planted.username))

  for (const service of ['auth-gateway', 'password-service'] as const) {
    const http = createHttp(origins[service])
    const query = `?email=${encodeURIComponent(planted.username)}&code=${planted.code}&customer=${planted.id}`
    for (const route of [
      ...routes[service],
      `GET /${planted.path}`,
      `GET /${planted.path}%zz`,
      `${planted.method} /${planted.path}`,
    ]) {
      const [method = '', pattern = ''] = route.split(' ')
      // `fetch` sends neither; both are refused before a route is found.
      if (method === 'TRACE' || method === 'CONNECT') continue
      const filled = pattern.replaceAll(/:\w+/g, planted.id).replace('*', `${planted.phone}/${planted.path}`)
      const path = filled.startsWith('/') ? filled : `/${filled}`
      const hasBody = !['GET', 'HEAD', 'OPTIONS'].includes(method)
      const body = JSON.stringify({ ...planted, client_id: planted.id, mfa_token: planted.id })
      const headers = { authorization: `Bearer ${planted.id}`, ...(hasBody && { 'content-type': 'application/json' }) }
      await http.send(method, `${path}${query}`, headers, hasBody ? body : undefined)
    }
  }
  return { ...planted, email: customer.email, number: customer.phone, customer: customer.code }
}

const secrets = await playAll()

for (const service of services) {
  t.test(
    `every metric of the ${service} has a name with its unit, a help text, and labels from closed sets`,
    async (t) => {
      const described = new Map(describeMetrics(rekey.metrics[service]).map((metric) => [metric.name, metric]))
      for (const { name, help, type } of rekey.metrics[service].getMetricsAsArray()) {
        t.match(name, /^(rekey|process|nodejs)_[a-z_]+$/)
        t.equal(described.has(name), name.startsWith('rekey_'), `${name} is registered by counter, gauge or histogram`)
        t.match(help, /^[A-Z0-9a-z].{8,}[^.]$/, `${name} has a help text`)
        t.equal(name.endsWith('_total'), String(type) === 'counter', `${name}: counters alone end in _total`)
        if (String(type) === 'histogram') t.match(name, /_seconds$/)
        t.notMatch(name, /_(ms|millis|milliseconds|minutes|hours|kb|kib|mb)(_|$)/, `${name}: base units`)
      }
      const samples = readScrape(await rekey.metricsOf(service))
      const isClosed = ({ name, labels }: (typeof samples)[number]) =>
        Object.entries(labels).every(([label, value]) =>
          isAllowed(service, described.get(name)?.labels[label] ?? [], value),
        )
      t.same(
        samples.filter((sample) => sample.name.startsWith('rekey_') && !isClosed(sample)),
        [],
      )
    },
  )

  t.test(`no metric of the ${service} contains a value of a request`, async (t) => {
    const text = await rekey.metricsOf(service)
    for (const [what, value] of Object.entries(secrets)) t.notOk(text.includes(value), what)
  })
}

t.test('all paths that match no route have one value, and so have methods that no route has', async (t) => {
  const scrape = readScrape(await rekey.metricsOf('auth-gateway'))
  const unmatched = scrape.filter(
    ({ name, labels }) => name === 'rekey_http_request_duration_seconds' && labels.route === 'other',
  )
  t.ok(unmatched.some(({ labels }) => labels.method === 'GET' && labels.status === '404'))
  t.ok(
    unmatched.some(({ labels }) => labels.method === 'GET' && labels.status === '400'),
    'a path with a broken escape',
  )
  t.ok(unmatched.some(({ labels }) => labels.method === 'other'))
})

t.test('metrics are served as OpenMetrics to a client that asks for it, with the same values', async (t) => {
  const port = await freePort()
  const server = await serveMetrics(rekey.metrics.notifier, { host: '127.0.0.1', port })
  t.teardown(() => server.close())
  const get = async (accept: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })
    return { type: answer.headers.get('content-type') ?? '', text: await answer.text() }
  }
  const prometheus =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
  const [text, open, browser, refused, again] = [
    await get('text/plain'),
    await get(prometheus),
    await get('text/html,*/*;q=0.8'),
    await get('application/openmetrics-text;q=0'),
    await get('text/plain;version=0.0.4'),
  ]
  for (const { type } of [text, browser, refused, again]) t.match(type, /^text\/plain; version=0\.0\.4/)
  t.match(open.type, /^application\/openmetrics-text; version=1\.0\.0/)
  t.match(open.text, /\n# EOF\n$/)
  const shapeOf = (samples: { name: string; sample: string }[]) =>
    samples
      .map(({ sample }) => sample)
      .filter((sample) => sample.startsWith('rekey_'))
      .toSorted()
  t.same(shapeOf(readScrape(open.text)), shapeOf(readScrape(text.text)))
  t.same(shapeOf(readScrape(again.text)), shapeOf(readScrape(text.text)), 'one form leaves the other as it is')
})
