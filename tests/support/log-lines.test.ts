import { commonFields, fieldMeanings, type LogEventDefinition, logEvents } from '@rekey/contracts'
import fc from 'fast-check'
import t from 'tap'
import { errorsIn, hasForm } from './log-lines.ts'

interface Schema {
  'x-form': string
  items?: Schema
}

const schemas = Object.values<LogEventDefinition>(logEvents).flatMap(({ fields }) =>
  Object.values(fields as Record<string, Schema>).map((schema) => schema.items ?? schema),
)
const forms = new Map(schemas.map((schema) => [schema['x-form'], schema]))

const letters = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789'),
  minLength: 1,
  maxLength: 12,
})
const digits = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength, maxLength })
const email = fc.tuple(letters, letters).map(([name, host]) => `${name}@${host}.example`)
const phone = digits(7, 15).map((number) => `+${number}`)
const base64 = fc.base64String({ minLength: 16, maxLength: 64 }).map((text) => text.replaceAll(/[+/=]/g, 'x'))
const token = fc.tuple(base64, base64).map(([payload, signature]) => `eyJhbGciOiJFZERTQSJ9.${payload}.${signature}`)
/** As drivers and servers repeat it. */
const within = (value: fc.Arbitrary<string>) =>
  fc.oneof(
    value,
    value.map((text) => `rejected ${text} (550)`),
  )

/** Forms that the operator or the platform chooses: docs/logs.md says so, and the platform's rules apply to them. */
const chosenByPlatform = ['code', 'subject', 'client']
/** An error has messages of drivers, which the tests of leaks search (tests/security/code-leaks.test.ts). */
const free = ['error']

t.test('S35: no form of a field has room for an email address, a phone number, a token or a code', async (t) => {
  for (const [form, schema] of forms) {
    if (chosenByPlatform.includes(form) || free.includes(form)) continue
    const refuses = (values: fc.Arbitrary<string>) =>
      fc.assert(fc.property(within(values), (value) => !hasForm(schema as object, value)))
    t.doesNotThrow(() => refuses(email), `${form}: email address`)
    t.doesNotThrow(() => refuses(phone), `${form}: phone number`)
    if (form !== 'name' && form !== 'id') t.doesNotThrow(() => refuses(token), `${form}: token`)
    if (form === 'text') t.doesNotThrow(() => refuses(digits(6, 12)), `${form}: confirmation code`)
  }
})

t.test('each declared field has a meaning and a form, and each meaning a field', async (t) => {
  const used = new Set(Object.values<LogEventDefinition>(logEvents).flatMap(({ fields }) => Object.keys(fields)))
  t.same([...used, ...commonFields].toSorted(), Object.keys(fieldMeanings).toSorted())
  t.notOk([...forms.keys()].includes(undefined as never))
})

t.test('a line with an unknown event, a further field, a field less, or another form is refused', async (t) => {
  const line = { event: 'authn_login_success', severity: 'info', customer: 'EN00000CY', clientId: 'ib', address: '::1' }
  t.same(errorsIn(line), [])
  t.match(errorsIn({ ...line, event: 'authn_login_succes' }), [/is not declared/])
  t.match(errorsIn({ ...line, email: 'a@b.example' }), [/has email, which is not declared/])
  t.match(errorsIn({ ...line, address: 'a@b.example' }), [/has address in another form/])
  t.match(errorsIn({ ...line, severity: 'warn' }), [/has severity warn/])
  const { customer: _, ...less } = line
  t.match(errorsIn(less), [/lacks customer/])
})
