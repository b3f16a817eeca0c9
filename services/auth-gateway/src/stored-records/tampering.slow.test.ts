import { createCustomer } from '@rekey/test-support/customers'
import fc from 'fast-check'
import t from 'tap'
import { startTampering } from './changed-fields.fixture.ts'
import type { Stored, StoredFlow } from './tampering.fixture.ts'

// Somebody who may write to Redis changes what a flow left there. The records are put back after each attempt, which
// write access permits as well.

const tampering = await startTampering(t)
const { rekey, redis, all, beforeCode, putBack, mine, stored, fieldNames, granted, finishTampered, replace } = tampering

t.test('each flow leaves a record, and gives a token if the record is left alone', async (t) => {
  for (const flow of mine) {
    t.ok(flow.stored.length > 0, flow.name)
    t.ok(granted.get(flow.name)?.scope, flow.name)
    await putBack(flow.stored)
    t.equal(await finishTampered(t, flow, flow.name), 'granted', `${flow.name}, once more`)
    await putBack(flow.stored)
  }
})

/** Gives the values in turn, so that each is tried in many fields. tampering.proof.ts tries all of them in each. */
const inTurn = () => {
  let turn = 0
  return (values: string[]) => {
    turn += 1
    return values.filter((_, index) => index % 4 === turn % 4)
  }
}

t.test('S40: a record of which any field was deleted, added or replaced gives no other token', async (t) => {
  const results = await tampering.changeFields(t, inTurn())
  t.ok(results.refused > 150, `${results.refused} refused`)
  t.ok(results.granted > 10, `${results.granted} granted: counters and times that no token is made from`)
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
