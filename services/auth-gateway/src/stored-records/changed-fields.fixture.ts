import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { registry } from '../clients/registry.fixture.ts'
import { createFlows, rightsOf, type Stored, type StoredFlow } from './tampering.fixture.ts'

/** Starts the product, and stops two customers' flows where their records are in Redis. */
export const startTampering = async (t: Test) => {
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
      if (status !== 400 || !/invalid_grant|invalid_scope|access_denied/.test(text))
        t.fail(`${what}: ${status} ${text}`)
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

  return {
    ...{ rekey, redis, all, beforeCode, putBack, mine, stored, fieldNames, granted, finishTampered, replace },

    /**
     * Deletes, adds and replaces each field of each record, and finishes the flow after each change.
     *
     * @param choose the values to try of those that a field may be given
     * @returns how many changed records gave no token, and how many the token of the untouched record
     */
    async changeFields(t: Test, choose: (values: string[]) => string[]) {
      const results = { refused: 0, granted: 0 }
      for (const flow of mine) {
        for (const record of flow.stored) {
          for (const field of fieldNames) {
            const { [field]: _, ...without } = record.fields
            const changed = choose(valuesFor(field)).map((value) => ({ ...record.fields, [field]: value }))
            for (const variant of [without, ...changed]) {
              await replace(record, variant)
              results[await finishTampered(t, flow, `${flow.name}: ${field} = ${variant[field]}`)] += 1
              await putBack(flow.stored)
            }
          }
        }
      }
      return results
    },
  }
}
