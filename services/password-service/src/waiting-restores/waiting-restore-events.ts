import {
  type EventDefinition,
  type RestoreCompleted,
  type RestoreExpired,
  RestoreVetoed,
  RestoreWaiting,
  type Veto,
} from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import type { LockedCustomer } from '../customers/lock.ts'
import type { ChainedChange } from '../history/digest.ts'
import { appendChange } from '../history/history.store.ts'
import { channelOf } from '../notifications/recipient.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import type { AnyTransaction } from '../statements.ts'
import type { WaitingRestore } from './waiting-restore.ts'

type Restore = Pick<WaitingRestore, 'id' | 'kind' | 'clientId' | 'ip'>

const fieldsOf = (
  customer: Pick<LockedCustomer, 'id' | 'code'>,
  { id, kind }: Restore,
  { id: changeId, digest }: Pick<ChainedChange, 'id' | 'digest'>,
) => ({
  customer: customer.code,
  customerId: customer.id,
  waitingRestoreId: id,
  channel: channelOf(kind),
  changeId,
  digest,
})

/** Appends the record of an opening, a veto or an expiry to the history of a locked customer. */
export const appendRecord = <
  Operation extends 'open_waiting_restore' | 'veto_waiting_restore' | 'expire_waiting_restore',
>(
  tx: AnyTransaction,
  { id: customerId, code }: Pick<LockedCustomer, 'id' | 'code'>,
  operation: Operation,
  { kind, clientId, ip, at }: Omit<Restore, 'id'> & { at: Date },
): Promise<ChainedChange<Operation>> =>
  appendChange(tx, {
    customerId,
    type: 'restored',
    operation,
    actor: 'client',
    actorId: code,
    clientId,
    channel: channelOf(kind),
    ip,
    createTime: at,
  })

export const openedEvent = (
  random: Random,
  customer: LockedCustomer,
  restore: Restore & Pick<WaitingRestore, 'endsAt'>,
  change: ChainedChange,
): NewEvent =>
  newEvent(RestoreWaiting, random.id(), {
    ...fieldsOf(customer, restore, change),
    clientId: restore.clientId,
    ip: restore.ip,
    endsAt: restore.endsAt.toISOString(),
  })

export const vetoedEvent = (
  random: Random,
  customer: LockedCustomer,
  restore: Restore,
  change: ChainedChange,
  { by, ip }: { by: Veto; ip?: string | undefined },
): NewEvent =>
  newEvent(RestoreVetoed, random.id(), {
    ...fieldsOf(customer, restore, change),
    by,
    ...(ip !== undefined && { ip }),
  })

/** The event of an outcome that has no further fields. */
export const endedEvent = (
  random: Random,
  event: typeof RestoreCompleted | typeof RestoreExpired,
  customer: LockedCustomer,
  restore: Restore,
  change: Pick<ChainedChange, 'id' | 'digest'>,
): NewEvent => newEvent(event satisfies EventDefinition, random.id(), fieldsOf(customer, restore, change))
