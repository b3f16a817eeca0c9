import { type Address, type ChallengeIssued, challengeType, type EventData } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { CustomerStore } from '../customers/customers.store.ts'
import { signInAddresses } from '../customers/second-channel.ts'
import type { Database } from '../database.ts'
import { loggedAddress, loggedDevice } from '../messages/message.ts'
import { logCode } from '../messages/messages.store.ts'
import type { CodePublisher } from './code-publisher.ts'

interface Deps {
  database: Database
  store: CustomerStore
  codes: CodePublisher
  /** False if no message reaches a phone number. */
  smsCodes: boolean
  now: Now
}

/**
 * Picks the address of a device: `oob:email` means the preferred one, which is the first; any other value is an address's
 * mask. If two addresses have the same mask, it is the older one: the customer could not distinguish them either.
 */
const pickDevice = (addresses: Address[], device: string): Address | undefined =>
  device === 'oob:email' ? addresses[0] : addresses.find((address) => challengeType(address) === device)

/** Returns the function that sends a code of a sign-in or change. It throws a RekeyError unavailable: retry. */
export const createChallengeCodes =
  (deps: Deps) =>
  async (issued: EventData<typeof ChallengeIssued>, time: Date): Promise<void> => {
    const { database, store, codes, now } = deps
    const { challengeId, customer: customerCode, device, purpose, sendNumber, expiresAt } = issued
    const { code, verificationCode, process } = issued
    const expired = codes.isExpired(expiresAt)
    const customer = await store.findByCode(customerCode)
    // Again, after the offer at A4: a restore may have come between. A change needs a session, which both channels proved.
    const offered =
      customer &&
      (purpose === 'login' ? signInAddresses(customer.addresses, customer, now(), deps) : customer.addresses)
    const to = offered && pickDevice(offered, device)
    if (!customer) return codes.suppress(challengeId, 'unknown or blocked')
    const about = { challengeId, sendNumber, purpose, expiresAt }
    const logged = codes.toLogged(about, to ? loggedAddress(to) : loggedDevice(device), time)
    await logCode(database, customer.id, logged, to ? undefined : 'device_unavailable')
    if (!to) return codes.suppress(challengeId, 'no such device')
    if (expired) return codes.suppress(challengeId, 'expired')
    await codes.publish(
      await codes.addressed(customer, to, {
        ...about,
        ...(process && { process }),
        code,
        verificationCode,
        askedAt: logged.askedAt,
      }),
    )
  }
