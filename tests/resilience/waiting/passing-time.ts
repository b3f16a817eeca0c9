import { setTimeout as delay } from 'node:timers/promises'
import { sql } from '@rekey/test-support/customers'
import { retry } from '../retry.ts'

const pollMs = 250

/** Ages that a waiting restore goes through, in hours: each leads to something that the password-service does. */
export const ages = { half: 12, last: 23.5, ready: 25, expired: 100 } as const

interface Waiting {
  state: string
  noticesSent: number
}

const shifted = ['ends_at', 'expires_at', 'act_at'].map((name) => `${name} = ${name} - (opened_at - aged.at)`)

/**
 * Moves the waiting restores of customers through time: Postgres' clock is the one that counts. Postgres may fail
 * meanwhile, so that each statement is repeated; a second time it changes nothing more.
 */
export const createPassingTime = (databaseUrl: string, stopped: AbortSignal) => {
  const run = <Row extends object>(text: string, values: unknown[]) =>
    retry(() => sql<Row & Record<string, unknown>>(databaseUrl, text, values), stopped)

  const read = async (customerId: number): Promise<Waiting | undefined> => {
    const text = 'SELECT state, notices_sent AS "noticesSent" FROM waiting_restore WHERE customer_id = $1'
    return (await run<Waiting>(text, [customerId]))[0]
  }

  return {
    /** Makes the restore of a customer as old as this. The lock keeps the service from storing the times as they were. */
    reach: (customerId: number, hours: number) =>
      run(
        `WITH locked AS (SELECT id FROM customer WHERE id = $1 FOR UPDATE)
           UPDATE waiting_restore SET opened_at = aged.at, ${shifted}
           FROM (SELECT now() - $2::interval AS at) AS aged
           WHERE customer_id = (SELECT id FROM locked) AND state = 'waiting' AND opened_at > aged.at`,
        [customerId, `${hours} hours`],
      ),

    /** Waits until a customer's restore has sent so many notices or has ended. */
    untilTold: async (customerId: number, notices: number) => {
      for (;;) {
        const found = await read(customerId)
        if (found?.state !== 'waiting' || found.noticesSent >= notices) return
        await delay(pollMs, undefined, { signal: stopped })
      }
    },

    /** Waits until a customer's restore has ended. */
    untilEnded: async (customerId: number) => {
      while ((await read(customerId))?.state === 'waiting') {
        await delay(pollMs, undefined, { signal: stopped })
      }
    },
  }
}

export type PassingTime = ReturnType<typeof createPassingTime>
