import { type Endpoint, errors, http, notInLine, Password, Reason, scopes, tags } from '@rekey/contracts'
import { examplesOf, noExample } from '@rekey/contracts/documents/example'
import { openapi } from '@rekey/contracts/documents/openapi'
import { errorsOf } from '@rekey/contracts/documents/openapi/operation-errors'
import { compileValidationErrors } from '@rekey/platform/validation'
import t from 'tap'

interface Operation {
  operationId: string
  summary: string
  description: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: { name: string; schema: object; example?: unknown }[]
  requestBody?: { content: Record<string, { schema: object; example?: unknown; examples?: object }> }
  responses: Record<string, unknown>
}

const document = openapi()
const text = JSON.stringify(document)
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation })),
)
const endpoints = Object.entries<Endpoint>(http)

t.test('each operation has an id, a summary, a described tag, credentials or none, and examples', async (t) => {
  t.equal(operations.length, endpoints.length)
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length, 'ids are unique')
  for (const { path, method, operation } of operations) {
    const name = `${method} ${path}`
    t.match(operation.operationId, /^[a-z][A-Za-z]+$/, name)
    t.match(operation.summary, /^[A-Z].*[^.]$/, name)
    t.ok(operation.description.length > operation.summary.length, name)
    t.ok(operation.tags.length > 0 && operation.tags.every((tag) => tag in tags), `${name}: ${operation.tags.join()}`)
    t.ok(Array.isArray(operation.security), name)
    for (const { example, examples } of Object.values(operation.requestBody?.content ?? {})) {
      t.ok(example !== undefined || Object.keys(examples ?? {}).length > 1, name)
    }
  }
})

t.test(
  'each operation lists every status that its errors have, with a description and an example of each code',
  async (t) => {
    for (const [route, endpoint] of endpoints) {
      const [method = '', pattern = ''] = route.split(' ')
      const path = pattern.replace(/:(\w+)/g, '{$1}')
      const { responses } = (document.paths[path] as Record<string, Operation>)[method.toLowerCase()] as Operation
      const declared = [
        ...Object.keys(endpoint.response).filter((status) => /^\d+$/.test(status)),
        ...errorsOf(route, endpoint).keys(),
      ].map(String)
      t.same(Object.keys(responses).toSorted(), declared.toSorted(), route)
    }
    for (const code of Object.keys(errors)) {
      if (!['method_not_allowed'].includes(code)) t.match(text, `"${code}"`, `${code} is answered by an operation`)
    }
  },
)

t.test('each example of a request is valid, is no placeholder, and the vendors’ own are to the letter', async (t) => {
  const parts = endpoints.flatMap(([route, { body, querystring, params }]) =>
    [body, querystring, params].flatMap((schema) => (schema ? { route, schema } : [])),
  )
  for (const { route, schema } of parts) {
    for (const example of examplesOf(schema)) {
      t.same(compileValidationErrors(schema)(structuredClone(example)), [], `${route}: ${JSON.stringify(example)}`)
    }
  }
  const example = (path: string) => {
    const found = operations.find((entry) => entry.path === path && entry.method === 'post')
    return found?.operation.requestBody?.content['application/json']?.example
  }
  t.strictSame(
    JSON.stringify(example('/oauth/v2/passwordRestore')),
    '{"response_type":"code","client_id":"ib_localhost","redirect_uri":"http://localhost","scope":"CUSTOMER:PASSWORD:RESTORE","state":"5e982a097260d146803b5da13b1a19c2","username":"bpmtestusr1@gmail.com","ip":"::1","client_timezone":"-3","source_system":"IB"}',
  )
  t.strictSame(example('/api/v2/my/password/change'), { password: 'Qwerty123' })
  t.strictSame(example('/api/v2/my/password/restore'), { password: 'Qwerty123' })
})

t.test('each example of an answer is valid, and has no placeholder', async (t) => {
  for (const [route, { response }] of endpoints) {
    const own = Object.entries(response).filter(([status, { type }]) => /^\d+$/.test(status) && type !== 'null')
    for (const [status, schema] of own) {
      const [example] = examplesOf(schema)
      t.same(compileValidationErrors(schema)(structuredClone(example)), [], `${route} ${status}`)
      const placeholders = JSON.stringify(example).match(new RegExp(`"\\w+":"${noExample}"`, 'g'))
      t.same(placeholders, null, `${route} ${status}: these fields need examples`)
    }
  }
})

t.test('each component is referenced, and each reference resolves', async (t) => {
  const references = new Set(text.match(/#\/components\/\w+\/[\w-]+/g))
  const components = Object.entries(document.components).flatMap(([kind, entries]) =>
    kind === 'securitySchemes' ? [] : Object.keys(entries).map((name) => `#/components/${kind}/${name}`),
  )
  t.same([...references].toSorted(), components.toSorted())
})

t.test('credentials are schemes of the document, and scopes are those that exist', async (t) => {
  const known = new Set<string>(Object.values(scopes))
  for (const { operation } of operations) {
    for (const alternative of operation.security) {
      for (const [scheme, required] of Object.entries(alternative)) {
        t.ok(scheme in document.components.securitySchemes, operation.operationId)
        t.ok(required.every((scope) => known.has(scope)) && (scheme !== 'bearer' || required.length === 1))
      }
    }
  }
})

t.test('patterns of the document compile without flags and have nothing that only ECMAScript has', async (t) => {
  const patterns = [...text.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(([, pattern]) =>
    JSON.parse(pattern ?? '""'),
  )
  t.ok(patterns.length > 10)
  for (const pattern of new Set<string>(patterns)) {
    t.doesNotThrow(() => new RegExp(pattern), pattern)
    t.notMatch(pattern, /\\[pPdwDW]|\(\?/, pattern)
  }
})

t.test('a line of text has no control, format or separating character of the Basic Multilingual Plane', async (t) => {
  const listed = new RegExp(`^[${notInLine}]$`, 'u')
  const wanted = /^[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]$/u
  const wrong = []
  for (let code = 0; code <= 0xffff; code += 1) {
    const character = String.fromCharCode(code)
    if (listed.test(character) !== wanted.test(character)) wrong.push(code.toString(16))
  }
  t.same(wrong, [])
})

t.test('a lone surrogate is refused where text is hashed or shown, and a pair is accepted', async (t) => {
  for (const schema of [Password, Reason]) {
    const check = compileValidationErrors({ type: 'object', properties: { text: schema } })
    for (const lone of ['\ud800', 'a\udfffb', '\udc00\ud800']) t.not(check({ text: lone }).length, 0)
    t.same(check({ text: 'a😀b' }), [])
  }
})
