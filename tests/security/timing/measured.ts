import { setTimeout as delay } from 'node:timers/promises'
import { sql } from '@rekey/test-support/customers'
import { startProcesses } from '@rekey/test-support/processes'
import type { Test } from 'tap'
import { createCustomers, newAddresses } from './population.ts'
import { connect } from './samples.ts'

/** As new hashes are. */
export const ourHash =
  '$argon2id$v=19$m=19456,t=2,p=1$kTJnOtsi6g8qeu2IHlTo6A$75DBmRzKcBJ+TT8wX5CxXfiUNzgle0ALVOWYycVxpu8'

/** As many as are asked for one comparison: of fewer, one refusal would be too large a share. */
const leastAsked = 2_000
/** As long as Retry-After says. */
const refusedMs = 2_000

/** The started product, one connection to it, and people to ask it about. */
export const startMeasured = async (t: Test) => {
  const rekey = await startProcesses(t, { gatewayEnv: { REKEY_LIMITS_SCALE: '1000', REKEY_RESEND_SECONDS: '1' } })
  const { ask, close } = connect(rekey.url)
  t.teardown(close)

  const asked = { times: 0, refused: 0 }
  /** A busy machine's 503 takes no sample: it is asked again. Above one in a hundred there is something wrong. */
  const expecting = async (expected: number, request: Parameters<typeof ask>[0]) => {
    for (;;) {
      const { status, text, ms } = await ask(request)
      asked.times += 1
      if (status === expected) return { body: JSON.parse(text) as Record<string, string>, ms }
      if (status === 503) asked.refused += 1
      if (status !== 503 || asked.refused > 0.01 * Math.max(asked.times, leastAsked)) {
        throw new Error(`${request.path} answered ${status}, ${asked.refused} of ${asked.times} refused: ${text}`)
      }
      await delay(refusedMs)
    }
  }
  return {
    get: (path: string, expected: number) => expecting(expected, { method: 'GET', path }),
    post: (path: string, body: object, expected: number) =>
      expecting(expected, {
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),

    /** Customers whose hashes are these in turn, and as many addresses that are nobody's. */
    async people(count: number, hashes = [ourHash]) {
      const people = { known: newAddresses(count), unknown: newAddresses(count) }
      await createCustomers(rekey.postgres.url, people.known, hashes)
      return people
    },

    async block(addresses: string[]) {
      await sql(rekey.postgres.url, `UPDATE customer SET status = 'blocked' WHERE code = ANY($1)`, [addresses])
    },
  }
}
