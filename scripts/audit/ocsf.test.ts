import { type EventDefinition, type ListenedEvent, listenedEvents } from '@rekey/contracts'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import t from 'tap'
import { classes } from './activities.ts'
import { omitted, toBaseEvent, toOcsf } from './ocsf.ts'
import schema from './ocsf-schema.json' with { type: 'json' }

const ajv = new Ajv({ unicodeRegExp: false, keywords: ['version'] })
const isOcsf = ajv.compile(schema)

interface Schema {
  type?: string
  enum?: unknown[]
  format?: string
  pattern?: string
  items?: Schema
  minimum?: number
  maximum?: number
  description?: string
}

const sealed = 'eyJhbGciOiJkaXIifQ..c2VhbGVk.dGFn'
const address = fc.oneof(fc.ipV4(), fc.ipV6())

/** Values of a field that its schema allows. */
const anyValueOf = (
  name: string,
  { type, enum: values, format, items, minimum, maximum, description }: Schema,
): fc.Arbitrary<unknown> => {
  if (values) return fc.constantFrom(...values)
  if (items) return fc.array(anyValueOf(name, items), { minLength: 1, maxLength: 3 })
  if (type === 'integer') return fc.integer({ min: minimum ?? -1, max: maximum ?? 2_147_483_647 })
  if (format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
  if (format === 'uuid') return fc.uuid()
  if (description?.includes('Compact JWE')) return fc.constant(sealed)
  if (name === 'ip' || name === 'claimedIp') return address
  return fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 })
}

/** Events of a type, with and without their optional fields. */
const eventsOf = ({ type, data }: EventDefinition): fc.Arbitrary<ListenedEvent> => {
  const fields = Object.entries(data.properties as Record<string, Schema>)
  const record = fc.record(Object.fromEntries(fields.map(([name, schema]) => [name, anyValueOf(name, schema)])), {
    requiredKeys: (data.required ?? []) as string[],
  })
  return fc
    .record({ id: fc.uuid(), data: record, time: fc.date({ noInvalidDate: true, min: new Date(0) }) })
    .map((event) => ({ ...event, type, source: 'auth-gateway', subject: 's' }) as unknown as ListenedEvent)
}

for (const definition of listenedEvents) {
  t.test(
    `${definition.type} is valid OCSF ${schema.version}, whatever its data, and has no sealed field`,
    async (t) => {
      fc.assert(
        fc.property(eventsOf(definition), (event) => {
          const line = JSON.stringify(toOcsf(event))
          const exported: Record<string, unknown> = JSON.parse(line)
          if (!isOcsf(exported)) throw new Error(ajv.errorsText(isOcsf.errors))
          if (line.includes(sealed)) throw new Error('a sealed field is exported')
          const { class_uid: classUid, activity_id: activityId, type_uid: typeUid, metadata } = exported
          if (typeUid !== Number(classUid) * 100 + Number(activityId))
            throw new Error('type_uid is of another activity')
          if ((metadata as { uid: string }).uid !== `${event.source}/${event.id}`) throw new Error('another uid')
          if (JSON.stringify(toOcsf(structuredClone(event))) !== line)
            throw new Error('a repeated event gives another line')
        }),
        { numRuns: 40 },
      )
      t.pass()
    },
  )

  t.test(`each field of ${definition.type} is exported or left out for a reason`, async (t) => {
    const names = Object.keys(definition.data.properties)
    const data = Object.fromEntries(names.map((name) => [name, `planted-${name}.`]))
    const event = { id: 'i', source: 's', type: definition.type, subject: 's', time: new Date(), data }
    const line = JSON.stringify(toOcsf(event as unknown as ListenedEvent))
    for (const name of names) {
      t.equal(line.includes(`planted-${name}.`), !Object.hasOwn(omitted, name), name)
    }
    const ofNewer = { ...event, data: { ...data, brandNew: 'planted-brandNew.' } }
    t.notOk(JSON.stringify(toOcsf(ofNewer as unknown as ListenedEvent)).includes('brandNew'), 'unknown fields stay out')
  })
}

t.test('an event that this version cannot read is a valid Base Event without its data', async (t) => {
  const line = toBaseEvent({ id: 'i', source: 's', type: 'auth.passkey.added', timeMs: 1 }, 'unknown')
  t.ok(isOcsf(JSON.parse(JSON.stringify(line))), ajv.errorsText(isOcsf.errors))
})

t.test('the numbers of classes and activities are those of the schema', async (t) => {
  for (const { uid, activities } of Object.values(classes)) {
    const found = schema.oneOf.find(({ properties }) => properties.class_uid.const === uid)
    for (const id of Object.values(activities)) t.ok(found?.properties.activity_id.enum.includes(id), `${uid} ${id}`)
  }
  t.notOk(isOcsf({ ...toBaseEvent({ id: 'i', source: 's', type: 't', timeMs: 1 }, 'x'), device: {} }))
})
