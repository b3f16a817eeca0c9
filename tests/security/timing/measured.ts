import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import { sql } from '@rekey/test-support/customers'
import { fullHashes } from '@rekey/test-support/limits'
import { startProcesses } from '@rekey/test-support/processes'
import type { Test } from 'tap'
import { createCustomers, giveFactors, newAddresses } from './population.ts'
import { connect } from './samples.ts'

/** Has the parameters of new hashes. */
export const ourHash =
  '$argon2id$v=19$m=19456,t=2,p=1$kTJnOtsi6g8qeu2IHlTo6A$75DBmRzKcBJ+TT8wX5CxXfiUNzgle0ALVOWYycVxpu8'

/** Requests of one comparison: with fewer, a single 503 would exceed the allowed share. */
const leastAsked = 2_000
/** The Retry-After of a 503. */
const refusedMs = 2_000

/** Starts the product, with one connection to it, and makes usernames to measure. */
export const startMeasured = async (t: Test, env: Record<string, string> = {}) => {
  const rekey = await startProcesses(t, {
    env: { ...fullHashes, ...env },
    gatewayEnv: { REKEY_LIMITS_SCALE: '1000', REKEY_RESEND_SECONDS: '1' },
  })
  const { ask, close } = connect(rekey.url)
  t.teardown(close)

  const asked = { times: 0, refused: 0 }
  /** Retries after a 503, which is no sample. More than one 503 in a hundred requests is an error. */
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

    /** Makes customers who have these hashes in turn, and as many addresses without an account. */
    async people(count: number, hashes = [ourHash]) {
      const people = { known: newAddresses(count), unknown: newAddresses(count) }
      await createCustomers(rekey.postgres.url, people.known, hashes)
      return people
    },

    /** Makes customers with an authenticator app and recovery codes, and as many without. */
    async peopleByMethods(count: number) {
      const [enrolled, plain] = [newAddresses(count), newAddresses(count)]
      await createCustomers(rekey.postgres.url, [...enrolled, ...plain], [ourHash])
      const { REKEY_FACTOR_SEAL_KEY = '' } = parseEnv(readFileSync(rekey.keys.passwordService, 'utf8'))
      await giveFactors(rekey.postgres.url, REKEY_FACTOR_SEAL_KEY, enrolled)
      return { enrolled, plain }
    },

    async block(addresses: string[]) {
      await sql(rekey.postgres.url, `UPDATE customer SET status = 'blocked' WHERE code = ANY($1)`, [addresses])
    },
  }
}
