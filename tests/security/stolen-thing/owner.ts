import { CustomersUpsert, PasswordStatus } from '@rekey/contracts'
import { connectBroker } from '@rekey/platform/broker'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { callRpc } from '@rekey/platform/rpc'
import { backlogOf } from '@rekey/test-support/backlog'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, reportLinkOf } from '@rekey/test-support/flows'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Rekey } from '@rekey/test-support/rekey'
import type { Row } from '../../../scripts/docs/stolen-thing-table.ts'

const hourMs = 3_600_000

/** Customers from whom something is stolen, on one running product. */
export const createOwners = (t: Teardown, rekey: Rekey) => {
  const url = rekey.postgres.url
  const broker = connectBroker({
    url: rekey.nats.url,
    name: 'test',
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
  })
  t.teardown(() => broker.close())

  const withChannels = async (channels: Row['channels']): Promise<TestCustomer> => {
    const customer = await createCustomer(url)
    await sql(url, 'DELETE FROM identifier WHERE customer_id = $1 AND NOT kind = ANY($2::identifier_kind[])', [
      customer.id,
      channels,
    ])
    return customer
  }

  return {
    /** A new customer with the addresses of a row. `former`: an address that another one just replaced. */
    async create({ channels, young }: Row) {
      const created = await withChannels(channels)
      const email = young ? `new-${created.email}` : created.email
      if (young) {
        await broker.connected()
        const identifiers = [{ value: email, verified: true }]
        const reply = await callRpc(broker, CustomersUpsert, { customer: created.code, identifiers })
        if (!reply.stored) throw new Error(JSON.stringify(reply))
      }
      const owner = { ...created, email }
      const addresses = channels.map((channel) => owner[channel])
      const told = young ? [...addresses, created.email] : addresses
      const received = async (to: readonly string[]) =>
        (await rekey.inbox.messages()).filter((message) => message.To.some(({ Address }) => to.includes(Address)))
      /** Messages of before the theft. */
      const earlier = new Set<string>()

      return {
        ...owner,
        /** Confirmed addresses: each is a username. */
        addresses,
        /** The theft happens now: only later messages count. */
        async begin() {
          for (const { ID } of await received(told)) earlier.add(ID)
        },
        /** Messages since the theft to one of the addresses, by default to all that are told of a change. */
        received: async (to: readonly string[] = told) => (await received(to)).filter(({ ID }) => !earlier.has(ID)),
        isFormer: (address: string) => !addresses.includes(address),
        told,
        /** True if the platform must hold withdrawals. */
        async isHeld() {
          await broker.connected()
          return 'holdUntil' in (await callRpc(broker, PasswordStatus, { customer: owner.code }))
        },
        /** Begins a hold of an hour unless one lasts. */
        async hold() {
          const now = rekey.clock.now()
          const until = new Date(now.getTime() + hourMs)
          await sql(url, 'UPDATE customer SET hold_until = greatest(hold_until, $2) WHERE id = $1', [owner.id, until])
        },
      }
    },
    withChannels,
    /** Waits until every event was handled, so that no notification is still to come. */
    async allHandled() {
      const connection = await broker.connected()
      await eventually(async () => (await backlogOf(url, connection)).length === 0, {
        what: 'all events to be handled',
      })
    },
  }
}

export type Owners = ReturnType<typeof createOwners>
export type Owner = Awaited<ReturnType<Owners['create']>>

/** True if every address of the owner that is told of a change got a notification with the link since the theft. */
export const isTold = async (owner: Owner): Promise<boolean> => {
  const notifications = (await owner.received()).filter(
    (message) => codesOf(message).confirmation === '' && reportLinkOf(message) !== undefined,
  )
  return owner.told.every((address) => notifications.some(({ To }) => To.some(({ Address }) => Address === address)))
}
