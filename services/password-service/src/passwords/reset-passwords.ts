import { type Address, RekeyError } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import type { ChainedChange, ChangeRecord } from '../history/digest.ts'
import type { EventsOf, NewEvent } from '../outbox/event.ts'
import type { Replaced } from './facts.ts'

/** The record that a reset leaves with each customer. */
export type ResetRecord = Omit<ChangeRecord, 'id' | 'customerId'>

type Announce = (reset: Replaced) => Promise<NewEvent[]>

interface Deps {
  database: Database
  /** Ends all restores of these customers. */
  endRestores(tx: Transaction, customerIds: number[]): Promise<void>
  /** Ends all sessions of these customers. @returns the new epochs */
  endSessions(tx: Transaction, customerIds: number[], at: Date): Promise<Map<number, number>>
  /** Adds a record to each one's history. */
  appendChanges(tx: Transaction, changes: Omit<ChangeRecord, 'id'>[]): Promise<ChainedChange[]>
  /** Adds events that leave after the commit. */
  addEvents(tx: Transaction, createdAt: Date, all: EventsOf[]): Promise<void>
}

export interface ResetStore {
  /**
   * Within a transaction: these customers' sessions and restores end, their passwords must be changed, and history and
   * events say so. A statement for each of these, however many customers there are; none has to have a password.
   */
  reset(tx: Transaction, customerIds: number[], record: ResetRecord, announce: Announce): Promise<void>
  /**
   * The same for one customer, in a transaction of its own. `alongside` runs in it, and by throwing undoes it.
   *
   * @throws RekeyError not_found
   */
  resetOne(
    customerId: number,
    record: ResetRecord,
    announce: Announce,
    alongside?: (tx: Transaction) => Promise<void>,
  ): Promise<void>
}

/** In the order of ids, so that two transactions never wait for each other. */
const lock = (tx: Transaction, customerIds: number[]) =>
  tx.$queryRaw<Replaced['customer'][]>`
    SELECT id, code, locale, timezone FROM customer WHERE id = ANY(${customerIds}) ORDER BY id FOR UPDATE`

/** Confirmed ones: e-mail before phone, the oldest first. */
const addressesOf = async (tx: Transaction, customerIds: number[]): Promise<Map<number, Address[]>> => {
  const rows = await tx.$queryRaw<(Address & { customerId: number })[]>`
    SELECT customer_id AS "customerId", kind::text, value FROM identifier
    WHERE customer_id = ANY(${customerIds}) AND verified_at IS NOT NULL ORDER BY kind, id`
  const addresses = new Map<number, Address[]>(customerIds.map((id) => [id, []]))
  for (const { customerId, kind, value } of rows) addresses.get(customerId)?.push({ kind, value })
  return addresses
}

export const createResetStore = ({
  database,
  endRestores,
  endSessions,
  appendChanges,
  addEvents,
}: Deps): ResetStore => {
  const resetLocked = async (
    tx: Transaction,
    customers: Replaced['customer'][],
    record: ResetRecord,
    announce: Announce,
  ) => {
    const ids = customers.map(({ id }) => id)
    const at = record.createTime
    await endRestores(tx, ids)
    await tx.$executeRaw`UPDATE credential SET must_change = true, updated_at = ${at} WHERE customer_id = ANY(${ids})`
    const epochs = await endSessions(tx, ids, at)
    const changes = await appendChanges(
      tx,
      ids.map((customerId) => ({ ...record, customerId })),
    )
    const addresses = await addressesOf(tx, ids)
    const all = await Promise.all(
      customers.map(async (customer, index) => {
        const change = changes[index]
        const sessionEpoch = epochs.get(customer.id)
        if (!change || sessionEpoch === undefined) throw new Error('a locked customer is gone')
        const reset = { customer, change, addresses: addresses.get(customer.id) ?? [], sessionEpoch }
        return { subject: customer.code, events: await announce(reset) }
      }),
    )
    await addEvents(tx, at, all)
  }

  return {
    async reset(tx, customerIds, record, announce) {
      await resetLocked(tx, await lock(tx, customerIds), record, announce)
    },

    resetOne: (customerId, record, announce, alongside) =>
      database.transaction(async (tx) => {
        const customers = await lock(tx, [customerId])
        if (customers.length === 0) throw new RekeyError('not_found', { detail: 'There is no such customer.' })
        await alongside?.(tx)
        await resetLocked(tx, customers, record, announce)
      }),
  }
}
