import {
  type EventDefinition,
  type RestoreCompleted,
  type RestoreExpired,
  RestoreVetoed,
  RestoreWaitEnded,
  RestoreWaiting,
  type Veto,
} from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import type { LockedCustomer } from '../customers/lock.ts'
import type { ChainedChange } from '../history/digest.ts'
import { appendChange } from '../history/history.store.ts'
import { channelOf } from '../notifications/recipient.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import { type Mandate, staffForEvent, staffForRecord } from '../staff/staff.ts'
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

/** The author of a veto. */
export interface VetoedBy {
  by: Veto
  /** Where the veto came from, if it is an act of its own. */
  ip?: string | undefined
  /** The member of staff, if it is one's act. */
  staff?: Mandate
}

/** Appends the record of what staff do with a restore to the history of a locked customer. */
export const appendStaffRecord = <Operation extends 'veto_waiting_restore' | 'end_wait'>(
  tx: AnyTransaction,
  { id: customerId }: Pick<LockedCustomer, 'id'>,
  operation: Operation,
  { by, at }: { by: Mandate; at: Date },
): Promise<ChainedChange<Operation>> =>
  appendChange(tx, { ...staffForRecord(by), customerId, operation, createTime: at })

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
  { by, ip, staff }: VetoedBy,
): NewEvent =>
  newEvent(RestoreVetoed, random.id(), {
    ...fieldsOf(customer, restore, change),
    by,
    ...(ip !== undefined && { ip }),
    ...(staff && staffForEvent(staff)),
  })

/** The event of an outcome that has no further fields. */
export const endedEvent = (
  random: Random,
  event: typeof RestoreCompleted | typeof RestoreExpired,
  customer: LockedCustomer,
  restore: Restore,
  change: Pick<ChainedChange, 'id' | 'digest'>,
): NewEvent => newEvent(event satisfies EventDefinition, random.id(), fieldsOf(customer, restore, change))

/** The event of a wait that `by` and a second person ended. */
export const waitEndedEvent = (
  random: Random,
  customer: LockedCustomer,
  restore: Pick<WaitingRestore, 'id' | 'kind' | 'clientId' | 'ip' | 'endsAt'>,
  change: ChainedChange,
  by: Mandate & { approvedBy: string },
): NewEvent =>
  newEvent(RestoreWaitEnded, random.id(), {
    ...fieldsOf(customer, restore, change),
    ...staffForEvent(by),
    approvedBy: by.approvedBy,
    plannedEnd: restore.endsAt.toISOString(),
  })
