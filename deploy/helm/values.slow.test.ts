import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { valuesSchema } from '../../scripts/chart/values-schema.ts'
import { chart, full, helmTemplate, minimal, skip, type Values } from './render.fixture.ts'

// biome-ignore lint/suspicious/noExplicitAny: a JSON Schema as plain data.
type Schema = any

const schema: Schema = JSON.parse(JSON.stringify(valuesSchema()))
const defaults: Values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'))

interface Place {
  path: string[]
  schema: Schema
  isRequired: boolean
}

/** Every place of the schema that has a name. */
const placesOf = (schema: Schema, path: string[] = []): Place[] =>
  Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => [
    { path: [...path, key], schema: inner, isRequired: (schema.required ?? []).includes(key) },
    ...placesOf(inner, [...path, key]),
  ])
const places = placesOf(schema)
const isObject = ({ schema }: Place) => schema.type === 'object'
const leaves = places.filter((place) => !isObject(place))
const closed = [{ path: [] as string[], schema }, ...places].filter(
  ({ schema }) => schema.additionalProperties === false,
)

/** Puts values at places of the minimal values. */
const withValues = (changes: { path: string[]; value: unknown }[]): Values => {
  const values = structuredClone(minimal())
  for (const { path, value } of changes) {
    let at: Values = values
    for (const key of path.slice(0, -1)) {
      at[key] ??= {}
      at = at[key] as Values
    }
    at[path.at(-1) ?? ''] = value
  }
  return values
}

/** Refused by Helm, with one line for each place. @returns the places that no line names */
const unnamed = (changes: { path: string[]; value: unknown }[]): string[] => {
  const { ok, text, errors } = helmTemplate(withValues(changes))
  if (ok || text) return ['it was rendered']
  return changes
    .map(({ path }) => `/${path.join('/')}`)
    .filter((path) => !errors.split('\n').some((line) => line.includes(`'${path}'`) || line.includes(`'${path}/`)))
}

t.test(
  'the schema accepts the defaults with what has no default, and has a place for each default',
  { skip },
  async (t) => {
    const accepts = new Ajv({ strict: false, validateFormats: false }).compile(schema)
    const merge = (base: Values, over: Values): Values =>
      Object.fromEntries(
        [...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => {
          const [a, b] = [base[key], over[key]]
          const areMaps = [a, b].every((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
          return [key, areMaps ? merge(a as Values, b as Values) : (b ?? a)]
        }),
      )
    for (const values of [minimal(), full()]) t.ok(accepts(merge(defaults, values)), JSON.stringify(accepts.errors))
    t.notOk(accepts(defaults))
  },
)

t.test('a value that has no default is named when it is missing', { skip }, async (t) => {
  const { ok, errors } = helmTemplate({})
  t.notOk(ok)
  for (const name of ['publicUrl', 'brand', 'contact', 'transport', 'clients', 'url', 'trustedProxies', 'mailFrom'])
    t.match(errors, new RegExp(`'${name}'`))
})

t.test('an unknown name is refused with its place, in each object', { skip }, async (t) => {
  t.ok(closed.length > 40)
  const { ok, errors } = helmTemplate(
    withValues(closed.map(({ path }) => ({ path: [...path, 'mistake'], value: true }))),
  )
  t.notOk(ok)
  for (const { path } of closed) {
    const place = `at '${path.length > 0 ? '/' : ''}${path.join('/')}': `
    t.ok(
      errors.split('\n').some((line) => line.includes(place) && line.includes("'mistake'")),
      place,
    )
  }
})

t.test('a value of another type is refused with its place, at each place', { skip }, async (t) => {
  const wrong = ({ schema: { type } }: Place) => (type === 'array' ? 'text' : [type === 'string' ? 7 : 'text'])
  t.ok(leaves.length > 200)
  t.same(unnamed(leaves.map((place) => ({ path: place.path, value: wrong(place) }))), [])
  for (const depth of [1, 2, 3]) {
    const objects = places.filter((place) => isObject(place) && place.path.length === depth)
    if (objects.length > 0) t.same(unnamed(objects.map(({ path }) => ({ path, value: 'text' }))), [], `depth ${depth}`)
  }
})

t.test('a number out of range is refused with its place, at each place', { skip }, async (t) => {
  const bounded = leaves.filter(({ schema }) => schema.type === 'integer')
  t.ok(bounded.length > 30)
  for (const { path, schema } of bounded)
    t.ok(schema.minimum !== undefined && schema.maximum !== undefined, `${path.join('.')} has bounds`)
  t.same(unnamed(bounded.map(({ path, schema }) => ({ path, value: schema.minimum - 1 }))), [])
  t.same(unnamed(bounded.map(({ path, schema }) => ({ path, value: schema.maximum + 1 }))), [])
  t.same(unnamed(bounded.map(({ path, schema }) => ({ path, value: schema.minimum + 0.5 }))), [])
})

t.test('a text that its rule refuses is refused with its place, at each place', { skip }, async (t) => {
  const ruled = leaves.filter(({ schema }) => schema.enum ?? schema.pattern)
  t.ok(ruled.length > 80)
  // No rule takes a line break.
  t.same(unnamed(ruled.map(({ path }) => ({ path, value: 'not\u0007\nthis' }))), [])
})

t.test('a value that is removed is named, at each place that is required', { skip }, async (t) => {
  const required = places.filter(({ isRequired, path }) => isRequired && !path.includes('env'))
  const objects = required.filter(isObject)
  // One in another would hide it.
  for (const group of [required.filter((place) => !isObject(place)), objects.filter(({ path }) => path.length === 1)]) {
    const { ok, errors } = helmTemplate(withValues(group.map(({ path }) => ({ path, value: null }))))
    t.notOk(ok)
    for (const { path } of group) {
      const parent = path.slice(0, -1).map((key) => `/${key}`)
      const own = `${parent.join('')}/${path.at(-1)}`
      const isNamed = errors
        .split('\n')
        .some(
          (line) =>
            line.includes(`'${own}': got null`) ||
            (line.includes(`at '${parent.join('')}'`) && line.includes(`'${path.at(-1)}'`)),
        )
      t.ok(isNamed, own)
    }
  }
})

t.test('S36: a secret as a value is refused, and so is a variable that the chart sets', { skip }, async (t) => {
  const refused: [string, string][] = [
    ['authGateway', 'REDIS_URL'],
    ['authGateway', 'REKEY_CODE_KEY'],
    ['authGateway', 'REKEY_CONSOLE_CLIENT_SECRET'],
    ['authGateway', 'REKEY_PROFILE'],
    ['authGateway', 'REKEY_LIMITS_SCALE'],
    ['passwordService', 'DATABASE_URL'],
    ['passwordService', 'REKEY_PASSWORD_PEPPERS'],
    ['passwordService', 'NODE_TLS_REJECT_UNAUTHORIZED'],
    ['notifier', 'SMTP_URL'],
    ['notifier', 'REKEY_SMS_TOKEN'],
    ['notifier', 'OTEL_EXPORTER_OTLP_HEADERS'],
  ]
  const { ok, errors } = helmTemplate(
    withValues(refused.map(([part, name]) => ({ path: [part, 'env', name], value: 'x' }))),
  )
  t.notOk(ok)
  for (const [, name] of refused) t.match(errors, new RegExp(`additional propert.*'${name}'`))
  t.same(unnamed([{ path: ['nats', 'url'], value: 'tls://user:password@nats:4222' }]), [])
  t.same(unnamed([{ path: ['image', 'tag'], value: 'latest' }]), [])
})
