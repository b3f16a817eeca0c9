import {
  type Address,
  type EventDefinition,
  PasswordChanged,
  type PasswordOperation,
  PasswordReset,
  PasswordResetRequested,
  PasswordRestored,
  PasswordSet,
} from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import { seal } from '@rekey/platform/seal'
import type { ChainedChange } from '../history/digest.ts'
import {
  type NotificationDeps,
  passwordChangedNotifications,
  resetRequestedNotifications,
} from '../notifications/notifications.ts'
import { type SealedPassword, temporaryPasswordNotification } from '../notifications/temporary-password.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'

/** A change as it was written. */
export interface WrittenChange {
  customer: { id: number; code: string; locale: string; timezone: string }
  change: ChainedChange<PasswordOperation>
  /** Addresses to notify: the confirmed ones, and those removed a short while ago. */
  addresses: Address[]
  sessionEpoch: number
  /** Token subject of the second person who approved it. */
  approvedBy?: string | undefined
  /** True if the staff had not verified the customer, who is told so. */
  unverified?: boolean
}

interface NewPassword extends WrittenChange {
  operation: PasswordOperation
  keptSession?: string | undefined
  temporary?: { sealed: SealedPassword; to: Address; expiresAt: Date } | undefined
}

const eventOf = {
  change: PasswordChanged,
  restore: PasswordRestored,
  reset: PasswordReset,
  set: PasswordSet,
} satisfies Record<PasswordOperation, EventDefinition>

const fieldsOf = ({ customer, change, sessionEpoch, approvedBy }: WrittenChange) => ({
  customer: customer.code,
  customerId: customer.id,
  changeId: change.id,
  actor: change.actor,
  actorId: change.actorId,
  clientId: change.clientId,
  channel: change.channel,
  ip: change.ip,
  digest: change.digest,
  sessionEpoch,
  ...(approvedBy !== undefined && { approvedBy }),
})

export interface PasswordEventDeps extends NotificationDeps {
  keys: NotificationDeps['keys'] & {
    /** Seals usernames for the gateway. */
    username: Keys
  }
}

/** The usernames under which sign-in opens again (S49): a change is made by a customer who is signed in. */
const reopened = async ({ keys }: PasswordEventDeps, eventId: string, { operation, addresses }: NewPassword) =>
  operation === 'change'
    ? {}
    : { usernames: await Promise.all(addresses.map(({ value }) => seal(keys.username, eventId, value))) }

/** The events of a new password: for other services, and a notification for every address (S22, S43). */
export const passwordEvents = async (deps: PasswordEventDeps, about: NewPassword): Promise<NewEvent[]> => {
  const { operation, keptSession, change, temporary } = about
  const id = deps.random.id()
  return [
    newEvent(eventOf[operation], id, {
      ...fieldsOf(about),
      ...(await reopened(deps, id, about)),
      ...(keptSession !== undefined && { keptSession }),
      ...(change.holdUntil && { holdUntil: change.holdUntil.toISOString() }),
    }),
    ...(await passwordChangedNotifications(deps, about)),
    ...(temporary
      ? [
          await temporaryPasswordNotification(
            deps,
            temporary.sealed,
            { to: temporary.to, setBy: change.actor, expiresAt: temporary.expiresAt },
            about,
          ),
        ]
      : []),
  ]
}

/** The events of a reset: for other services, and a notification for every confirmed address (S22). */
export const resetEvents = async (
  deps: NotificationDeps,
  { jobId, ...about }: WrittenChange & { jobId?: string | undefined },
): Promise<NewEvent[]> => [
  newEvent(PasswordResetRequested, deps.random.id(), { ...fieldsOf(about), ...(jobId !== undefined && { jobId }) }),
  ...(await resetRequestedNotifications(deps, about)),
]
