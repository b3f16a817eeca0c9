import { http, rpcs } from '@rekey/contracts'
import fc from 'fast-check'
import { asForm, asText, fieldsOf, type Known, rarely } from './fields.ts'
import { forms } from './forms.ts'
import { spelled } from './spelling.ts'
import { hostileText, type Schema } from './values.ts'

interface Route {
  body?: Schema
  querystring?: Schema
  params?: Schema
  headers?: Schema
  security?: { bearer: string[] }[]
}

export interface HttpRequest {
  kind: 'http'
  route: string
  method: string
  path: string
  headers: Record<string, string>
  body: string | Buffer | undefined
}

export interface RpcRequest {
  kind: 'rpc'
  route: string
  body: string | Buffer
}

export type Request = HttpRequest | RpcRequest

/** Text that an HTTP client can send as a header. */
const headerText = hostileText.map((value) =>
  Buffer.from(value)
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e\x80-\xff]/g, '?'),
)

const oddHeaders = fc.dictionary(
  fc.constantFrom(
    'x-forwarded-for',
    'forwarded',
    'x-forwarded-host',
    'x-http-method-override',
    'traceparent',
    'origin',
    'cookie',
    'accept',
    'accept-encoding',
    'content-encoding',
    'content-language',
    'range',
    'if-none-match',
    'user-agent',
  ),
  headerText,
  { maxKeys: 2 },
)

const bearer = (scopes: string[] | undefined, { customer, backOffice }: Record<string, string>) => {
  const fit = scopes?.includes('REST:FULL') ? backOffice : customer
  return fc.oneof(
    { weight: scopes ? 20 : 1, arbitrary: fc.constant(`Bearer ${fit}`) },
    { weight: scopes ? 1 : 10, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(`Bearer ${customer}`, `bearer ${backOffice}`, 'Bearer', 'Basic eDp5') },
    { weight: 1, arbitrary: headerText },
  )
}

const brokenSegments = ['', '.', '..', '%2e%2e', '%00', '%zz', '%ff', '1%2f2', '1;a=b', '*', 'a'.repeat(500)]

const pathOf = (pattern: string, params: Schema | undefined, known: Known) =>
  fc
    .tuple(
      fieldsOf(params, known),
      rarely(15, fc.constant(undefined), fc.constantFrom<string | undefined>(...brokenSegments)),
    )
    .map(([values, broken]) =>
      pattern.replaceAll(
        /:(\w+)/g,
        (_, name) => broken ?? encodeURIComponent(asText(values[name] ?? '').toWellFormed()),
      ),
    )

const brokenQueries = ['&a=%zz', '&limit=1&limit=2', '&__proto__=1', '&%ff=1', '&&&=', '&a[]=1']

const queryOf = (schema: Schema | undefined, known: Known) =>
  fc
    .tuple(fieldsOf(schema, known, hostileText), rarely(12, fc.constant(''), fc.constantFrom(...brokenQueries)))
    .map(([fields, more]) => {
      const query = asForm(fields) + more
      return query === '' ? '' : `?${query}`
    })

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Gets only invalid bodies: each valid request would start a job over every customer. */
export const resetAll = 'POST /api/v2/clients/reset-password'

interface Source {
  route: string
  request: fc.Arbitrary<Request>
}

const httpRequest = (route: string, schema: Route, known: Known, bearers: Record<string, string>): Source => {
  const [own = '', pattern = ''] = route.split(' ')
  const noBody = fc.constant({ type: '', body: undefined })
  const mustBeRefused = fc.constant({ type: 'application/json', body: '{"clientIds":[1]}' })
  const ordinary = schema.body
    ? spelled(schema.body, known)
    : fc.oneof({ weight: 9, arbitrary: noBody }, { weight: 1, arbitrary: spelled({}, known) })
  const request = fc
    .record({
      method: fc.oneof(
        { weight: 30, arbitrary: fc.constant(own) },
        { weight: 1, arbitrary: fc.constantFrom(...methods) },
      ),
      path: pathOf(pattern, schema.params, known),
      query: queryOf(schema.querystring, known),
      authorization: bearer(schema.security?.[0]?.bearer, bearers),
      named: fieldsOf(schema.headers, known, headerText),
      odd: rarely(3, fc.constant({}), oddHeaders),
      sent: route === resetAll ? mustBeRefused : ordinary,
    })
    .map(
      ({ method, path, query, authorization, named, odd, sent }): HttpRequest => ({
        kind: 'http',
        route,
        method,
        path: path + query,
        headers: {
          ...odd,
          ...(named as Record<string, string>),
          ...(authorization !== undefined && { authorization }),
          ...(sent.type !== '' && { 'content-type': sent.type }),
        },
        body: method === 'GET' || method === 'HEAD' ? undefined : sent.body,
      }),
    )
  return { route, request }
}

/** A form of a page. */
const formRequest = (route: string, schema: Schema, known: Known): Source => {
  const [method = '', path = ''] = route.split(' ')
  const send = (body: string): HttpRequest => ({
    kind: 'http',
    route,
    method,
    path,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })
  return { route, request: fieldsOf(schema, known).map((fields) => send(asForm(fields))) }
}

const rpcRequest = ({ subject, request }: { subject: string; request: Schema }, known: Known): Source => ({
  route: subject,
  request: spelled(request, known).map(({ body }): RpcRequest => ({ kind: 'rpc', route: subject, body })),
})

/** Routes that may hash a password or send a message. */
const costly =
  /login|2fa\/challenge$|\/restore\/|password\.verify|passwordRestoreReset|reset-password|password\/(change|restore)$|\/password$/
/** Routes that the gateway forwards to the password-service and its database. */
const forwarded = /\/(password|clients|jobs|approvals)\/?/

/** True if the request may cost a hash: two cores compute about 150 a second. */
export const isCostly = ({ route }: Request): boolean => costly.test(route)

/** The costlier a route, the fewer of its requests: this keeps a run short. */
const shareOf = (route: string): number => {
  if (costly.test(route)) return 1
  return forwarded.test(route) ? 3 : 20
}

/** Every route of the contracts. */
export const routes: string[] = [...Object.keys(http), ...rpcs.map(({ subject }) => subject)]

/** Valid, nearly valid and invalid requests to any route, form of a page and RPC. */
export const requests = (known: Known, bearers: { customer: string; backOffice: string }): fc.Arbitrary<Request> =>
  fc.oneof(
    ...[
      ...Object.entries(http).map(([route, schema]) => httpRequest(route, schema as Route, known, bearers)),
      ...Object.entries(forms).map(([route, schema]) => formRequest(route, schema, known)),
      ...rpcs.map((one) => rpcRequest(one as never, known)),
    ].map(({ route, request }) => ({ weight: shareOf(route), arbitrary: request })),
  )
