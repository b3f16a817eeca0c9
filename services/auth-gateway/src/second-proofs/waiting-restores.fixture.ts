import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import type { Rekey } from '@rekey/test-support/rekey'

/** Moves waiting restores of the whole product through time: Postgres' clock is the one that counts. */
export const createWaiter = ({ postgres, inbox }: Pick<Rekey, 'postgres' | 'inbox'>) => {
  const pass = async (customerId: number, hours: number) => {
    const moved = ['opened_at', 'ends_at', 'expires_at', 'act_at', 'finished_at'].map(
      (name) => `${name} = ${name} - $2::interval`,
    )
    await sql(postgres.url, `UPDATE waiting_restore SET ${moved} WHERE customer_id = $1`, [
      customerId,
      `${hours} hours`,
    ])
  }

  const stateOf = async (customerId: number): Promise<string | undefined> => {
    const [row] = await sql<{ is: string }>(
      postgres.url,
      `SELECT state || ' ' || notices_sent || coalesce(' by ' || vetoed_by, '') AS is FROM waiting_restore
       WHERE customer_id = $1 ORDER BY opened_at DESC LIMIT 1`,
      [customerId],
    )
    return row?.is
  }

  return {
    pass,
    stateOf,

    /** Waits until the latest restore of the customer is so: `waiting 3`, `vetoed 1 by link`. */
    until: (customerId: number, state: string) =>
      eventually(async () => (await stateOf(customerId)) === state, { what: state }),

    /** Lets the wait pass, with its notices. */
    async wait(customerId: number) {
      await pass(customerId, 23.5)
      await eventually(async () => (await stateOf(customerId)) === 'waiting 3', { what: 'the last notice' })
      await pass(customerId, 1)
    },

    /** The path of the link in a message to this address that stops the reset. */
    vetoPath: (to: string) =>
      eventually(
        async () => (await inbox.messagesTo(to)).map(({ Text }) => /\/v\/[\w-]{22}/.exec(Text)?.[0]).find(Boolean),
        { what: `a link that vetoes, to ${to}` },
      ),
  }
}
