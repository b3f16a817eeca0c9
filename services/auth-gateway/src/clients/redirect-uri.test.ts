import fc from 'fast-check'
import t from 'tap'
import { isSameRedirect, otherSpelling } from './redirect-uri.ts'

const origin = fc.oneof(
  fc.webUrl({ validSchemes: ['http', 'https'], withQueryParameters: false }).map((url) => new URL(url).origin),
  fc.constantFrom(
    'http://localhost',
    'http://127.0.0.1:8080',
    'https://[::1]',
    'com.example.app://callback',
    'HTTP://A',
  ),
)
const query = fc.oneof(
  fc.constant(''),
  fc.webQueryParameters().map((text) => `?${text}`),
)

t.test('S26: a redirect URI with an empty path equals the one with a slash (RFC 3986 §6.2.3)', async () => {
  fc.assert(
    fc.property(origin, query, (origin, query) => {
      const [empty, slash] = [`${origin}${query}`, `${origin}/${query}`]
      return (
        isSameRedirect(empty, slash) &&
        isSameRedirect(slash, empty) &&
        isSameRedirect(empty, empty) &&
        otherSpelling(otherSpelling(empty)) === empty
      )
    }),
  )
})

t.test('S26: any other difference between two redirect URIs counts', async (t) => {
  const path = fc.array(fc.webSegment(), { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
  const uri = fc.tuple(origin, fc.oneof(fc.constantFrom('', '/', '//'), path), query).map((parts) => parts.join(''))
  fc.assert(
    fc.property(uri, uri, (one, other) => {
      const empty = (text: string) => text.replace(/^([^:]+:\/\/[^/?]+)\/($|\?)/, '$1$2')
      return isSameRedirect(one, other) === (empty(one) === empty(other))
    }),
  )
  const registered = 'http://localhost'
  const others = [
    '//',
    '/?',
    '?',
    '?x',
    '/#',
    '#',
    '/.',
    '/x',
    ':80',
    ':80/',
    '.',
    '/ ',
    '@evil.example',
    '.evil.example',
  ]
  for (const end of others) t.notOk(isSameRedirect(registered, registered + end), end)
  for (const other of [
    'https://localhost',
    'HTTP://localhost',
    'http://LOCALHOST/',
    'localhost',
    'http:localhost',
    '',
  ]) {
    t.notOk(isSameRedirect(registered, other), other)
  }
})

t.test('a long URI is compared at once', async (t) => {
  const long = `http://${'a'.repeat(1_990)}`
  const started = process.cpuUsage()
  for (let time = 0; time < 100; time += 1) isSameRedirect(long, `${long}#`)
  t.ok(process.cpuUsage(started).user < 1_000_000)
})
