import { createCustomer } from '@rekey/test-support/customers'
import { startRekey } from '@rekey/test-support/rekey'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { registry } from '../clients/registry.fixture.ts'
import { createFlows, rightsOf, type Stored, type StoredFlow } from './tampering.fixture.ts'

// Somebody who may write to Redis changes what a flow left there. The records are put back after each attempt, which
// write access permits as well.

const rekey = await startRekey(t, { env: registry(t) })
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())
const { all, beforeCode, putBack } = createFlows(rekey, redis)

const mine = await all()
const theirs = await all()
const stored = [...mine, ...theirs].flatMap((flow) => flow.stored)
const fieldNames = [...new Set(stored.flatMap(({ fields }) => Object.keys(fields)))]

/** The rights that each flow gives if Redis is left alone. */
const granted = new Map<string, ReturnType<typeof rightsOf>>()
for (const flow of mine) {
  const { body } = await flow.finish()
  granted.set(flow.name, rightsOf(flow, body))
  await putBack(flow.stored)
}

/** Finishes the flow, and checks that it gives the rights of the untouched flow or none. */
const finishTampered = async (t: Test, flow: StoredFlow, what: string) => {
  const { status, body, text } = await flow.finish()
  const rights = rightsOf(flow, body)
  if (rights === undefined) {
    if (status !== 400 || !/invalid_grant|invalid_scope|access_denied/.test(text)) t.fail(`${what}: ${status} ${text}`)
    return 'refused'
  }
  const same = JSON.stringify(rights) === JSON.stringify(granted.get(flow.name))
  if (!same) t.fail(`${what}: other rights: ${JSON.stringify(rights)}`)
  return 'granted'
}

const replace = async ({ key }: Stored, fields: Record<string, string>) => {
  const write = redis.multi().del(key)
  await (Object.keys(fields).length > 0 ? write.hset(key, fields).pexpire(key, 600_000) : write).exec()
}

/** Values that a field may be given: those of other records, and what an attacker would want. */
const valuesFor = (field: string) => [
  ...new Set([
    ...[...new Set(stored.flatMap(({ fields }) => fields[field] ?? []))].slice(-4),
    ...['', '4.5', '99999999999999', 'REST:FULL', 'active'],
  ]),
]

t.test('each flow leaves a record, and gives a token if the record is left alone', async (t) => {
  for (const flow of mine) {
    t.ok(flow.stored.length > 0, flow.name)
    t.ok(granted.get(flow.name)?.scope, flow.name)
    await putBack(flow.stored)
    t.equal(await finishTampered(t, flow, flow.name), 'granted', `${flow.name}, once more`)
    await putBack(flow.stored)
  }
})

t.test('S40: a record of which any field was deleted, added or replaced gives no other token', async (t) => {
  const results = { refused: 0, granted: 0 }
  for (const flow of mine) {
    for (const record of flow.stored) {
      for (const field of fieldNames) {
        const { [field]: _, ...without } = record.fields
        const variants = [without, ...valuesFor(field).map((value) => ({ ...record.fields, [field]: value }))]
        for (const variant of variants) {
          await replace(record, variant)
          results[await finishTampered(t, flow, `${flow.name}: ${field} = ${variant[field]}`)] += 1
          await putBack(flow.stored)
        }
      }
    }
  }
  t.ok(results.refused > 300, `${results.refused} refused`)
  t.ok(results.granted > 30, `${results.granted} granted: counters and times that no token is made from`)
})

t.test('S40: a record that was copied to another key gives no other token', async (t) => {
  let refused = 0
  for (const flow of mine) {
    for (const record of flow.stored) {
      for (const other of stored.filter(({ key }) => key !== record.key)) {
        const { mac = '', codeMac = '' } = record.fields
        const kept = [{}, { mac, codeMac }]
        for (const own of kept) {
          await replace(record, { ...other.fields, ...own })
          const what = `${flow.name}: ${other.key} with ${Object.keys(own)}`
          if ((await finishTampered(t, flow, what)) === 'refused') refused += 1
          await putBack(flow.stored)
        }
      }
    }
  }
  t.ok(refused > 100, `${refused} refused`)
})

t.test('S40: any mixture of two records gives no other token', async (t) => {
  const values = [...new Set(stored.flatMap(({ fields }) => Object.values(fields)))]
  const changes = fc.dictionary(fc.constantFrom(...fieldNames), fc.oneof(fc.constantFrom(...values), fc.string()), {
    minKeys: 1,
    maxKeys: 6,
  })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...mine), fc.nat(), changes, async (flow, place, change) => {
      const record = flow.stored[place % flow.stored.length] as Stored
      await replace(record, { ...record.fields, ...change })
      await finishTampered(t, flow, `${flow.name}: ${JSON.stringify(change)}`)
      await putBack(flow.stored)
    }),
    { numRuns: 150 },
  )
})

t.test('S40: no code is sent for the customer whom a changed challenge names', async (t) => {
  const [attacker, victim] = [await createCustomer(rekey.postgres.url), await createCustomer(rekey.postgres.url)]
  const [own, other] = [await beforeCode(attacker), await beforeCode(victim)]
  const record = own.stored[0] as Stored
  await replace(record, { ...record.fields, customer: victim.code })
  t.match(await own.finish(), { status: 400, body: { error: 'invalid_grant' } })
  await replace(record, { ...other.stored[0]?.fields, devices: record.fields.devices ?? '' })
  t.match(await own.finish(), { status: 400, body: { error: 'invalid_grant' } })
  await putBack(own.stored)
  t.match(await own.finish(), { status: 200 })
})

t.test('S40: setting the state of an ended session does not revive it', async (t) => {
  const flow = (await all()).find(({ name }) => name === 'A5 → refresh') as StoredFlow
  const record = flow.stored.find(({ key }) => key.includes(':session:')) as Stored
  const { refresh_token } = (await flow.finish()).body
  const client = { client_id: 'both_kinds', client_secret: 'two roles' }
  t.equal((await rekey.http.post('/oauth/v2/revoke', { token: refresh_token, ...client })).status, 200)
  await redis.hset(record.key, 'state', 'active')
  const refreshed = await rekey.http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token, ...client })
  t.match(refreshed, { status: 400, body: { error: 'invalid_grant' } })
})

t.test('S40: a changed record is logged and counted', async (t) => {
  const lines = (await rekey.logOf('auth-gateway')).filter(({ event }) => event === 'stored_record_tampered')
  const kinds = new Set(lines.map(({ kind }) => kind))
  for (const kind of ['challenge', 'authorization code']) t.ok(kinds.has(kind), kind)
  for (const line of lines) t.match(line, { severity: 'error', record: /^[0-9a-f]{16}$/, reason: String })
  t.match(await rekey.metricsOf('auth-gateway'), /rekey_tampered_records_total\{kind="challenge"\} [1-9]/)
})
