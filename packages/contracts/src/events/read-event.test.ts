import type { TSchema } from '@sinclair/typebox'
import t from 'tap'
import { listenedEvents } from './listened-events.ts'
import { EventRefused, readEvent } from './read-event.ts'

/** The simplest value of a schema. */
const sampleOf = (schema: TSchema): unknown => {
  if (schema.enum) return schema.enum[0]
  if (schema.const !== undefined) return schema.const
  if (schema.type === 'object') {
    return Object.fromEntries(Object.entries<TSchema>(schema.properties).map(([name, part]) => [name, sampleOf(part)]))
  }
  if (schema.type === 'array') return [sampleOf(schema.items)]
  if (schema.type === 'integer') return schema.minimum ?? 1
  if (schema.type === 'boolean') return true
  if (schema.format === 'date-time') return '2026-11-21T20:37:12Z'
  if (schema.format === 'uuid') return '018f0000-0000-7000-8000-000000000001'
  return 'text'
}

const attributes = { id: '1', source: 'test', subject: 'EN00000CY', time: '2026-11-21T20:37:12Z' }

const messageOf = (type: string, data: unknown, other: Record<string, string> = {}) => {
  const headers = new Headers({ ...attributes, type, ...other })
  return {
    headers: { get: (name: string) => headers.get(name.replace(/^ce-/, '')) ?? '' },
    data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)),
  }
}

for (const { type, data: schema } of listenedEvents) {
  const data = sampleOf(schema) as Record<string, unknown>
  t.test(
    `${type} is read, with unknown fields, and refused without a mandatory one or with another type`,
    async (t) => {
      const more = { ...data, addedLater: { in: 'a newer version' } }
      t.same(readEvent(messageOf(type, more)), {
        ...attributes,
        type,
        time: new Date(attributes.time),
        data: more,
        traceparent: undefined,
      })
      for (const [name, value] of Object.entries(data)) {
        const { [name]: _, ...rest } = data
        const refusal = { name: 'EventRefused', message: new RegExp(`^${type}: /${name}`) }
        if (schema.required?.includes(name))
          t.throws(() => readEvent(messageOf(type, rest)), refusal, `without ${name}`)
        const wrong = typeof value === 'string' ? 1 : 'text'
        t.throws(() => readEvent(messageOf(type, { ...data, [name]: wrong })), refusal, `${name}: ${wrong}`)
      }
    },
  )
}

t.test('an event of a newer version is undefined', async (t) => {
  t.equal(readEvent(messageOf('password.replaced-by-passkey', {})), undefined)
})

t.test('a message that is no event is refused with the name of what is wrong', async (t) => {
  const type = 'password.restored'
  t.throws(() => readEvent({ data: new Uint8Array() }), new EventRefused('ce-type is missing'))
  for (const name of ['id', 'source', 'subject', 'time']) {
    const data = sampleOf(listenedEvents.find((event) => event.type === type)?.data as TSchema)
    t.throws(() => readEvent(messageOf(type, data, { [name]: '' })), new EventRefused(`ce-${name} is missing`))
  }
  t.throws(() => readEvent(messageOf(type, '{')), new EventRefused('the data is not JSON'))
  t.throws(() => readEvent(messageOf(type, [])), { name: 'EventRefused', message: /^password.restored: the data: / })
  t.throws(() => readEvent(messageOf(type, {}, { time: 'today' })), new EventRefused('ce-time is not a time'))
})
