import { http, questions } from '@rekey/contracts'
import fc from 'fast-check'
import { fitting, hostile, hostileText, type Schema } from './values.ts'

/** Values of a running product, by the field that they are good for. */
export type Known = Record<string, unknown[]>

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

export interface Question {
  kind: 'question'
  route: string
  body: string | Buffer
}

export type Request = HttpRequest | Question

const absent = Symbol('absent')

/** The second in one of so many requests, else the first. */
const rarely = <T>(oneOf: number, ordinary: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ weight: oneOf - 1, arbitrary: ordinary }, { weight: 1, arbitrary: odd })

/** Of a request with eight fields half are as they should be: as many get through the schema as are stopped by it. */
const fieldOf = (schema: Schema, isRequired: boolean, known: unknown[] | undefined, odd: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 20, arbitrary: known ? fc.constantFrom(...known) : fitting(schema) },
    { weight: 1, arbitrary: fitting(schema) },
    { weight: 1, arbitrary: odd },
    { weight: isRequired ? 1 : 30, arbitrary: fc.constant(absent) },
  )

const fieldsOf = (schema: Schema | undefined, known: Known, odd: fc.Arbitrary<unknown> = hostile) =>
  fc
    .record(
      Object.fromEntries(
        Object.entries(schema?.properties ?? {}).map(([name, one]) => [
          name,
          fieldOf(one, schema?.required?.includes(name) ?? false, known[name], odd),
        ]),
      ),
    )
    .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== absent)))

type Spelling = (json: string) => string | Buffer

/** Bodies that are not what `JSON.stringify` makes. */
const misspellings: Spelling[] = [
  (json) => json.slice(0, -1),
  (json) => json + json,
  (json) => `[${json}]`,
  (json) => `\ufeff${json}`,
  (json) => json.replace('{', '{"__proto__":{"a":1},'),
  (json) => json.replace('{', '{"constructor":{"prototype":{"a":1}},'),
  (json) => json.replace(/^\{("[^"]+":)/, '{$1"first",$1'),
  (json) => json.replace(/:[^,}]+/, ':1e999'),
  (json) => json.replace(/:[^,}]+/, `:${'9'.repeat(5_000)}`),
  (json) => json.replace(/:[^,}]+/, ':NaN'),
  (json) => json.replaceAll('"', "'"),
  (json) => `${json}${' '.repeat(17 * 1024)}`,
  (json) => Buffer.from(json, 'utf16le'),
  (json) => Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from([0xff, 0xc0, 0x80])]),
  () => '['.repeat(8_000),
  () => '{"a":'.repeat(3_000),
  () => 'null',
  () => '"text"',
  () => '0',
  () => '',
]

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

const asForm = (fields: Record<string, unknown>) =>
  new URLSearchParams(Object.entries(fields).map(([name, value]): [string, string] => [name, asText(value)])).toString()

const spelled = (schema: Schema, known: Known): fc.Arbitrary<{ body: string | Buffer; type: string }> =>
  fc
    .tuple(
      fieldsOf(schema, known),
      rarely(8, fc.constant(undefined), fc.constantFrom<Spelling | undefined>(...misspellings)),
      fc.oneof(
        { weight: 30, arbitrary: fc.constant('application/json') },
        { weight: 3, arbitrary: fc.constant('application/x-www-form-urlencoded') },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            '',
            'text/plain',
            'application/json; charset=utf-16',
            'multipart/form-data; boundary=x',
            'a/b; c',
            '*/*',
          ),
        },
      ),
    )
    .map(([fields, misspell, type]) => {
      if (type.endsWith('urlencoded')) return { type, body: asForm(fields) }
      const json = JSON.stringify(fields)
      return { type, body: misspell ? misspell(json) : json }
    })

/** What an HTTP client can be made to send as a header's value. */
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

/** One that asks in earnest for every customer's reset would be a job over all of them, each time. */
const resetAll = 'POST /api/v2/clients/reset-password'

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

const question = ({ subject, request }: { subject: string; request: Schema }, known: Known): Source => ({
  route: subject,
  request: spelled(request, known).map(({ body }): Question => ({ kind: 'question', route: subject, body })),
})

/** These may hash a password or send a message. */
const costly =
  /login|2fa\/challenge$|password\.verify|passwordRestoreReset|reset-password|password\/(change|restore)$|\/password$/
/** These go on to the password-service and its database. */
const forwarded = /\/(password|clients|jobs|approvals)\/?/

/** Whether it may cost a hash: two cores do some hundred and fifty of them a second. */
export const isCostly = ({ route }: Request): boolean => costly.test(route)

/** So that a run takes no longer than it must: the dearer, the fewer. */
const shareOf = (route: string): number => {
  if (costly.test(route)) return 1
  return forwarded.test(route) ? 3 : 20
}

/** Any request to any route, and any question: as the contract wants it, nearly so, or not at all. */
export const requests = (known: Known, bearers: { customer: string; backOffice: string }): fc.Arbitrary<Request> =>
  fc.oneof(
    ...[
      ...Object.entries(http).map(([route, schema]) => httpRequest(route, schema as Route, known, bearers)),
      ...questions.map((one) => question(one as never, known)),
    ].map(({ route, request }) => ({ weight: shareOf(route), arbitrary: request })),
  )
