import { METHODS, request as sendRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { http as contract } from '@rekey/contracts'
import { recordRoutes } from '@rekey/test-support/registered-routes'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// RFC 9110 §15.5.6: every path of the public port, with the methods that Node's parser reads and the path lacks. Each path
// gets the usual methods and a tenth of the others, ten paths in a row all. methods.proof.ts: every method on every path.

const isProof = process.env.REKEY_METHODS === 'all'

const routesOf = recordRoutes(t)
const rekey = await startRekey(t)

/** Paths that are forwarded whole: those of the contract stand for them. */
const isProxied = (url: string) =>
  /\/(my\/password|clients|jobs|approvals|passwordRestoreReset|sessions(?=\/))(\/\*?)?$/.test(url)

/** The methods of each path. CORS answers OPTIONS, except on forwarded paths, which the password-service refuses. */
const methodsByPath = () => {
  const paths = new Map<string, Set<string>>()
  const add = (route: string) => {
    const [method = '', url = ''] = route.split(' ')
    paths.set(url, (paths.get(url) ?? new Set()).add(method))
  }
  const forwarded = Object.keys(contract).filter((route) => routesOf('GET /api/v2/jobs/:jobId').includes(route))
  const own = routesOf('POST /oauth/v2/login').filter((route) => !isProxied(route.split(' ')[1] ?? ''))
  for (const route of [...own, ...forwarded]) if (!route.endsWith(' *')) add(route)
  for (const route of forwarded) if (route.startsWith('GET ')) add(route.replace('GET', 'HEAD'))
  return paths
}

const send = async (method: string, path: string, body?: string) => {
  const { hostname, port } = new URL(rekey.url)
  const headers = body === undefined ? {} : { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) }
  const sent = sendRequest({ hostname, port, method, path, headers })
  const answered = new Promise<import('node:http').IncomingMessage>((resolve, reject) =>
    sent.once('response', resolve).once('error', reject),
  )
  sent.end(body)
  const response = await answered
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

/** A page's last part may be the path of a form: `GET /restore/:flow/:step`, `POST /restore/:flow/code`. */
const isPageOf = (method: string, path: string) =>
  /^(GET|HEAD)$/.test(method) && /^\/(restore|account|staff)\/.+/.test(path)

const fill = (path: string) => path.replaceAll(/:\w*Id/g, '1').replaceAll(/:\w+/g, 'x')
/** CONNECT asks for a tunnel, and OPTIONS is answered by CORS. */
const methods = METHODS.filter((method) => method !== 'CONNECT' && method !== 'OPTIONS')

const usualMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE']
/** The methods that a path is tried with; `index` is its place among the paths. */
const methodsFor = (index: number) =>
  methods.filter((method, at) => isProof || usualMethods.includes(method) || (at + index) % 10 === 0)

const formOf = (path: string, type = '') => {
  if (path === '/oauth/v2/authorize') return /^text\/html/.test(type)
  if (path.startsWith('/oauth/')) return /^application\/json/.test(type)
  return /^\/(restore|restore-veto|not-me|docs|n|v|account|staff)(\/|$)/.test(path)
    ? /^text\/html/.test(type)
    : /^application\/problem\+json/.test(type)
}

t.test('a method that a path does not have is answered 405 with Allow, in the form of the path', async (t) => {
  let refused = 0
  for (const [index, [path, own]] of [...methodsByPath()].entries()) {
    const wrong: unknown[] = []
    for (const method of methodsFor(index).filter((method) => !own.has(method) && !isPageOf(method, path))) {
      for (const body of method === 'TRACE' ? [undefined] : [undefined, '<a/>']) {
        const answer = await send(method, fill(path), body)
        const allowed = String(answer.headers.allow)
          .split(', ')
          .filter((name) => name !== 'OPTIONS')
        const isRight = answer.status === 405 && allowed.toSorted().join() === [...own].toSorted().join()
        const hasForm = method === 'HEAD' || formOf(path, answer.headers['content-type'])
        if (!isRight || !hasForm) wrong.push({ method, status: answer.status, allow: answer.headers.allow, body })
        refused += 1
      }
    }
    t.same(wrong, [], `${path}: ${[...own].join(', ')}`)
  }
  t.comment(`${refused} requests`)
})

t.test('a path without a route is answered 404, with every method', async (t) => {
  for (const path of ['/nothing', '/oauth/v2/nothing', '/api/v2/my/password/nothing', '/api/v2/jobs/1/nothing']) {
    for (const method of methods) t.equal((await send(method, path)).status, 404, `${method} ${path}`)
  }
})

t.test('OPTIONS and HEAD are served as CORS and GET need them', async (t) => {
  const origin = { origin: 'http://localhost', 'access-control-request-method': 'POST' }
  for (const path of methodsByPath().keys()) {
    t.equal((await rekey.http.send('OPTIONS', fill(path), origin)).status, 204, path)
  }
  for (const path of ['/healthz', '/restore', '/.well-known/jwks.json']) {
    t.equal((await rekey.http.send('HEAD', path)).status, 200, path)
  }
})
