import { type ErrorCode, errors, RekeyError } from '@rekey/contracts'
import fc from 'fast-check'
import t from 'tap'
import { keepLogs } from './broker.fixture.ts'
import { createMetrics } from './metrics.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'

// RFC 6749 §5.2: error_description has printable ASCII without the quotation mark and the backslash.
const allowed = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/

const app = await createServer({
  log: keepLogs(t).log,
  metrics: createMetrics(),
  random: systemRandom,
  trustedProxies: [],
})
let thrown: RekeyError
app.post('/oauth/v2/refuse', { config: { public: true } }, async () => {
  throw thrown
})
t.teardown(() => app.close())

const codes = Object.keys(errors) as ErrorCode[]
const describe = async (error: RekeyError) => {
  thrown = error
  const answer = await app.inject({ method: 'POST', url: '/oauth/v2/refuse' })
  return answer.json()
}

t.test('the description of each error of the table is sent as it is', async (t) => {
  for (const code of codes) {
    const { error, error_description } = await describe(new RekeyError(code))
    t.match(error, allowed, code)
    t.match(error_description, allowed, code)
    t.equal(error_description, errors[code].title)
  }
})

t.test('input that an error quotes is described without characters that RFC 6749 forbids', async (t) => {
  const quoted = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string())
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...codes), quoted, async (code, input) => {
      const { error_description } = await describe(new RekeyError(code, { detail: `${input} is malformed.` }))
      t.match(error_description, allowed)
      t.match(error_description, / is malformed\.$/)
    }),
  )
  t.equal((await describe(new RekeyError('internal', { detail: '"a\\b" é 😀\r\n' }))).error_description, "'a?b' ? ???")
})
