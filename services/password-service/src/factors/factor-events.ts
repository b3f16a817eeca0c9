import { FactorAdded, type FactorKind, type FactorOperation, FactorRemoved, factorKinds } from '@rekey/contracts'
import type { LockedCustomer } from '../customers/lock.ts'
import type { Transaction } from '../database.ts'
import { factorsChangedNotifications, type NotificationDeps } from '../notifications/notifications.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import type { FactorRequest } from './factor-grant.ts'
import { notifiedAddresses } from './factors.store.ts'

export interface FactorEventDeps extends NotificationDeps {
  /** How long a removed address is told of changes. */
  newAddressMs: number
}

interface Change {
  operation: FactorOperation
  factorId: string
  /** Of recovery codes: the set that they replace. */
  replaced?: string | undefined
  at: Date
}

const kindOf = (operation: FactorOperation): FactorKind =>
  factorKinds.find((kind) => operation.startsWith(kind)) ?? 'recovery_codes'

/** Adds the events of a change to the outbox: for other services, and a notification for every address (S57). */
export const addFactorEvents = async (
  tx: Transaction,
  deps: FactorEventDeps,
  customer: LockedCustomer,
  { bearer, ip }: FactorRequest,
  { operation, factorId, replaced, at }: Change,
): Promise<void> => {
  const event = operation.endsWith('_removed') ? FactorRemoved : FactorAdded
  const data = {
    customer: customer.code,
    customerId: customer.id,
    factorId,
    kind: kindOf(operation),
    actor: 'client' as const,
    actorId: bearer.sub,
    clientId: bearer.client_id,
    ip,
    ...(replaced !== undefined && { replaced }),
  }
  const addresses = await notifiedAddresses(tx, customer.id, new Date(at.getTime() - deps.newAddressMs))
  await addEvents(tx, customer.code, at, [
    newEvent(event, deps.random.id(), data),
    ...(await factorsChangedNotifications(deps, { customer, addresses }, { operation, ip, changedAt: at })),
  ])
}

/** Adds the events of a cloned passkey that ended (S56). `clientId`, `ip`: of the refused proof. */
export const addCloneEvents = async (
  tx: Transaction,
  deps: FactorEventDeps,
  customer: LockedCustomer,
  { factorId, clientId, ip, at }: { factorId: string; clientId: string; ip: string; at: Date },
): Promise<void> => {
  const data = {
    customer: customer.code,
    customerId: customer.id,
    factorId,
    kind: 'passkey' as const,
    actor: 'system' as const,
    actorId: 'password-service',
    clientId,
    ip,
    reason: 'cloned' as const,
  }
  const addresses = await notifiedAddresses(tx, customer.id, new Date(at.getTime() - deps.newAddressMs))
  await addEvents(tx, customer.code, at, [
    newEvent(FactorRemoved, deps.random.id(), data),
    ...(await factorsChangedNotifications(
      deps,
      { customer, addresses },
      { operation: 'passkey_cloned', ip, changedAt: at },
    )),
  ])
}
