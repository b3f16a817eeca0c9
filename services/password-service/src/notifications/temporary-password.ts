import { type Address, NotifyTemporaryPassword } from '@rekey/contracts'
import { seal } from '@rekey/platform/seal'
import { loggedAddress } from '../messages/message.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import { type NotificationDeps, type NotifiedChange, sealFields } from './notifications.ts'

/** A temporary password that is sealed for the notifier, for the event with this id only. */
export interface SealedPassword {
  eventId: string
  sealed: string
}

/** Seals a temporary password for the event that will carry it. */
export const sealTemporaryPassword = async (
  { keys, random }: Pick<NotificationDeps, 'keys' | 'random'>,
  password: string,
): Promise<SealedPassword> => {
  const eventId = random.id()
  return { eventId, sealed: await seal(keys.address, eventId, password) }
}

/** Sends a temporary password to one address. */
export const temporaryPasswordNotification = async (
  deps: NotificationDeps,
  { eventId, sealed }: SealedPassword,
  { to, setBy, expiresAt }: { to: Address; setBy: 'client' | 'back_office'; expiresAt: Date },
  about: NotifiedChange,
): Promise<NewEvent> => {
  const { sealed: fields, reportLink } = await sealFields(deps, eventId, to, about)
  const data = {
    customerId: about.customer.id,
    ...fields,
    setBy,
    password: sealed,
    expiresAt: expiresAt.toISOString(),
  }
  return {
    ...newEvent(NotifyTemporaryPassword, eventId, data),
    reportLink,
    message: {
      customerId: about.customer.id,
      kind: 'temporary_password',
      purpose: setBy === 'client' ? 'reset' : 'set',
      ...loggedAddress(to),
      expiresAt,
    },
  }
}
