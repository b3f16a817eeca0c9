import { type EventData, LoginSucceeded } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { createEventsSeen } from '../events-seen.ts'

interface Deps {
  broker: Broker
  /** Names the durable consumer. */
  service: string
  /** Vetoes the restore of a customer who signed in. Safe to repeat. @throws RekeyError unavailable */
  signedIn(login: EventData<typeof LoginSucceeded>, at: Date): Promise<void>
}

/**
 * Returns the function that waits until every sign-in of a customer that the broker has stored by now has vetoed the
 * waiting restore (S58). A gateway sends the tokens of a sign-in only after the broker stored its event: so a customer who
 * is signed in has vetoed, however late the broker delivers the event.
 */
export const createSignInsSeen = ({ signedIn, ...deps }: Deps) => {
  const seen = createEventsSeen(deps, { events: [LoginSucceeded], what: 'sign-ins' })

  /** @throws RekeyError unavailable if the broker does not answer, or the sign-ins are not handled, within 1.5 s */
  return (customer: string): Promise<void> =>
    seen(async (login, at) => {
      // Sign-ins of others are left to the consumer: they decide nothing here.
      if (login.customer === customer) await signedIn(login, at)
    })
}

export type SignInsSeen = ReturnType<typeof createSignInsSeen>
