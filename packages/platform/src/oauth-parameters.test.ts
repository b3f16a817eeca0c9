import { Type } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { keepLogs } from './broker.fixture.ts'
import { createMetrics } from './metrics.ts'
import { acceptOAuthParameters } from './oauth-parameters.ts'
import { systemRandom } from './random.ts'
import { createServer, registerScope } from './server.ts'

const app = await createServer({
  log: keepLogs(t).log,
  metrics: createMetrics(),
  random: systemRandom,
  trustedProxies: [],
})
await registerScope(app, async (scope) => {
  acceptOAuthParameters(scope)
  const known = Type.Optional(Type.String({ minLength: 1 }))
  const schema = { body: Type.Object({ client_id: Type.String({ minLength: 1 }), scope: known, state: known }) }
  scope.post('/oauth/v2/echo', { schema, config: { public: true } }, async ({ body }) => {
    const { client_id, scope, state } = body
    return { client_id, scope, state }
  })
})
t.teardown(() => app.close())

type Pair = [name: string, value: string]

const known = ['client_id', 'scope', 'state']

const asForm = (pairs: Pair[]) => new URLSearchParams(pairs).toString()
/** JSON with the same names in the same order, also names that are given more than once. */
const asJson = (pairs: Pair[]) =>
  `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`

const forms = { 'application/x-www-form-urlencoded': asForm, 'application/json': asJson }

const send = async (type: keyof typeof forms, pairs: Pair[], query = '') => {
  const headers = { 'content-type': type }
  const answer = await app.inject({
    method: 'POST',
    url: `/oauth/v2/echo${query}`,
    headers,
    payload: forms[type](pairs),
  })
  return { status: answer.statusCode, body: answer.json() }
}

const value = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
const sent = fc.record({ client_id: value, scope: value, state: value }, { requiredKeys: ['client_id'] })
/** A name of JSON that no parser assigns to a prototype. */
const unknown = fc
  .string({ maxLength: 8 })
  .filter((name) => !known.includes(name) && !/__proto__|constructor/.test(name))
/** Unknown names, some of them more than once, some without a value. */
const ignored = fc.array(fc.tuple(fc.oneof(unknown, fc.constantFrom('a', 'b')), fc.oneof(value, fc.constant(''))))
const shuffled = (pairs: Pair[]) => fc.shuffledSubarray(pairs, { minLength: pairs.length })
const type = fc.constantFrom('application/x-www-form-urlencoded' as const, 'application/json' as const)

t.test('a parameter without a value is omitted, and an unknown one is ignored, also a repeated one', async (t) => {
  const request = fc.tuple(sent, ignored).chain(([fields, more]) => {
    const empty = known.filter((name) => !Object.hasOwn(fields, name)).map((name): Pair => [name, ''])
    return shuffled([...(Object.entries(fields) as Pair[]), ...empty, ...more]).map((pairs) => ({ fields, pairs }))
  })
  await fc.assert(
    fc.asyncProperty(type, request, async (type, { fields, pairs }) => {
      t.same(await send(type, pairs), { status: 200, body: fields })
    }),
  )
})

t.test('in a form, an empty value beside another counts as omitted', async (t) => {
  await fc.assert(
    fc.asyncProperty(sent, fc.array(fc.constantFrom(...known)), async (fields, empty) => {
      const pairs = [...empty.map((name): Pair => [name, '']), ...(Object.entries(fields) as Pair[])]
      t.same(await send('application/x-www-form-urlencoded', pairs), { status: 200, body: fields })
    }),
  )
})

t.test('S31: a known parameter that is given more than once is refused and named', async (t) => {
  const request = fc.tuple(sent, fc.constantFrom(...known), value, value).chain(([fields, name, one, other]) => {
    const rest = Object.entries(fields).filter(([field]) => field !== name) as Pair[]
    return shuffled([...rest, [name, one], [name, other]]).map((pairs) => ({ name, pairs }))
  })
  await fc.assert(
    fc.asyncProperty(type, request, async (type, { name, pairs }) => {
      const { status, body } = await send(type, pairs)
      t.match({ status, body }, { status: 400, body: { error: 'invalid_request' } })
      t.equal(body.error_description, `${name} is given more than once.`)
    }),
  )
})

t.test('a mandatory parameter without a value is missing', async (t) => {
  for (const type of Object.keys(forms) as (keyof typeof forms)[]) {
    const { status, body } = await send(type, [['client_id', '']])
    t.same(
      { status, body },
      { status: 400, body: { error: 'invalid_request', error_description: 'client_id is missing.' } },
    )
  }
})

t.test('unknown parameters of the query are ignored, also repeated ones', async (t) => {
  const fields = { client_id: 'a client' }
  for (const query of ['?a=1&a=2', '?client_id=b&client_id=c', '?&&=', '?state=']) {
    t.same(await send('application/json', Object.entries(fields), query), { status: 200, body: fields }, query)
  }
})
