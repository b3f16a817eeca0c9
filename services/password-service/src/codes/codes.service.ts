import {
  type Address,
  type ChallengeIssued,
  challengeType,
  clockSlackSeconds,
  type EventData,
  grantSeconds,
  longestCodeSeconds,
  NotifyCode,
  parseUsername,
  type RestoreRequested,
  type Suppression,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { PermanentError } from '@rekey/platform/consumer'
import type { Keys } from '@rekey/platform/keys'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { Publisher } from '@rekey/platform/publisher'
import type { AllowanceSize } from '@rekey/platform/quota'
import { seal, unseal } from '@rekey/platform/seal'
import type { CustomerStore, Reachable } from '../customers/customers.store.ts'
import { recordRestore } from '../customers/restore-requests.ts'
import { signInAddresses } from '../customers/second-channel.ts'
import type { Database } from '../database.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import { type LoggedCode, loggedAddress, loggedDevice } from '../messages/message.ts'
import { logCode } from '../messages/messages.store.ts'
import { toRecipient } from '../notifications/recipient.ts'
import { countSend } from './count-send.ts'
import type { Suppressions } from './suppressions.ts'
import type { Turns } from './turns.ts'

interface Deps {
  database: Database
  store: CustomerStore
  lockout: Pick<LockoutFeature, 'lockoutOf' | 'count'>
  publisher: Publisher
  keys: { username: Keys; address: Keys }
  /** Codes to restore for one customer, at all addresses together (S7). */
  quota: AllowanceSize
  /** False if no message reaches a phone number. */
  smsCodes: boolean
  turns: Turns
  suppressions: Suppressions
  /** Notifies the customers of these addresses who are blocked. */
  notifyBlocked(addresses: Address[]): Promise<void>
  metrics: Metrics
  now: Now
  log: Logger
}

type Code = Pick<
  EventData<typeof NotifyCode>,
  'challengeId' | 'purpose' | 'code' | 'verificationCode' | 'expiresAt'
> & { sendNumber: number }

/** A grant may be issued until its code expires, and then lives on; five minutes more for clocks that differ. */
const restoreOutlivesCodeMs = (grantSeconds + 5 * 60) * 1_000

const unreachable = 'unknown or blocked'

/** Stands for the customer of an address that has none: ids begin at 1. */
const nobody: Reachable = {
  id: 0,
  code: '',
  locale: 'en',
  timezone: 'Etc/UTC',
  addresses: [],
  holdUntil: null,
  passwordChannel: null,
}

/** Why the gateway had a code suppressed, by the event's value: the reason in metrics, and in the log of messages. */
const suppressedBy = {
  limit: { reason: 'limit', name: 'account_limit' },
  budget: { reason: 'lockout', name: 'account_lockout' },
} as const

/**
 * Picks the address of a device: `oob:email` means the preferred one, which is the first; any other value is an address's
 * mask. If two addresses have the same mask, it is the older one: the customer could not distinguish them either.
 */
const pickDevice = (addresses: Address[], device: string): Address | undefined =>
  device === 'oob:email' ? addresses[0] : addresses.find((address) => challengeType(address) === device)

/**
 * Adds the recipient to a code and publishes it for the notifier. The code stays sealed, and goes to the broker without
 * the outbox: no code, sealed or not, may be stored in the database (S9). Safe to repeat: the event's id consists of the
 * challenge and the send number, so that the broker drops a duplicate.
 */
export const createCodeService = (deps: Deps) => {
  const { database, store, lockout, publisher, keys, quota, turns, suppressions, notifyBlocked, metrics, now, log } =
    deps
  const suppressed = counter(metrics, {
    name: 'rekey_codes_not_sent_total',
    help: 'Codes that were created but not sent, by reason.',
    labelNames: ['reason'],
  })
  /** @throws PermanentError if no code lives so long: the record of its restore would outlive every grant (S47) */
  const isExpired = (expiresAt: string) => {
    const lifeMs = new Date(expiresAt).getTime() - now().getTime()
    if (lifeMs > (longestCodeSeconds + clockSlackSeconds) * 1_000) {
      throw new PermanentError('the code would live longer than any code may')
    }
    return lifeMs <= 0
  }

  /** A code as the log of messages has it. `time`: of the gateway's event; if it has none, the time is now. */
  const toLogged = (
    { expiresAt, ...code }: Omit<LoggedCode, 'to' | 'askedAt' | 'expiresAt'> & { expiresAt: string },
    to: LoggedCode['to'],
    time: Date,
  ): LoggedCode => ({
    ...code,
    to,
    askedAt: Number.isNaN(time.getTime()) ? now() : time,
    expiresAt: new Date(expiresAt),
  })

  /** Logs the challenge only: the username of somebody unknown must not be logged. */
  const suppress = (challengeId: string, reason: string) => {
    suppressed.inc({ reason })
    log.info({ event: 'code_not_sent', challenge: hashForLog(challengeId), reason }, 'code not sent')
  }

  /** Adds the sealed recipient to a code. */
  const addressed = async (customer: Reachable, to: Address, { sendNumber, ...code }: Code) => {
    const recipient = toRecipient(to, customer)
    const sealed = await seal(keys.address, code.challengeId, recipient)
    const data = { ...code, customerId: customer.id, recipient: sealed }
    return { sendNumber, channel: recipient.channel, data }
  }

  const publish = async (
    customer: Reachable,
    { sendNumber, channel, data }: Awaited<ReturnType<typeof addressed>>,
  ): Promise<void> => {
    const { challengeId, purpose } = data
    await publisher.publish(NotifyCode, { id: `${challengeId}.${sendNumber}`, subject: challengeId, data })
    log.info(
      {
        event: 'code_handed_to_notifier',
        challenge: hashForLog(challengeId),
        customer: customer.code,
        purpose,
        channel,
        attempt: sendNumber,
      },
      'code published for the notifier',
    )
  }

  /** Suppresses a code, and logs it as a message if the address is a customer's. `name` undefined: its time is over. */
  const suppressLogged = async (address: Address, code: LoggedCode, reason: string, name?: Suppression) => {
    await suppressions.log(address, code, name)
    suppress(code.challengeId, reason)
  }

  /**
   * Sends the code to the customer of the address. For nobody it does the same work, of which nothing is left: a
   * neighbour on the same cores could tell less work from more (S12).
   */
  const sendTo = async (
    address: Address,
    logged: LoggedCode,
    { challengeId, sendNumber, code, verificationCode, expiresAt, knownNetwork }: EventData<typeof RestoreRequested>,
  ): Promise<void> => {
    const found = await store.findByAddress(address)
    const customer = found ?? nobody
    if (await lockout.lockoutOf(customer.id)) return suppressLogged(address, logged, 'lockout', 'customer_lockout')
    const send = { customerId: customer.id, challengeId, sendNumber, knownNetwork, at: now() }
    if (!(await countSend(database, quota, send)) && found) {
      return suppressLogged(address, logged, 'limit', 'customer_limit')
    }
    // Before the code is sent: its answer needs the record.
    const recorded = await recordRestore(database, {
      customerId: customer.id,
      address,
      code: logged,
      expiresAt: new Date(new Date(expiresAt).getTime() + restoreOutlivesCodeMs),
    })
    // Events of wrong codes may have arrived before this one.
    await lockout.count(challengeId)
    const notification = await addressed(customer, address, {
      challengeId,
      purpose: 'restore',
      code,
      verificationCode,
      expiresAt,
      sendNumber,
    })
    if (!recorded) {
      await notifyBlocked([address])
      return suppress(challengeId, unreachable)
    }
    await publish(customer, notification)
  }

  return {
    /**
     * @throws RekeyError unavailable: retry. LaterError: other work for this account has its turn. PermanentError: the
     * username cannot be opened
     */
    async sendForRestore(request: EventData<typeof RestoreRequested>, time: Date): Promise<void> {
      const { challengeId, sendNumber, username, expiresAt, withheld, knownNetwork = '' } = request
      const expired = isExpired(expiresAt)
      const opened = await unseal<string>(keys.username, challengeId, username).catch(() => {
        throw new PermanentError('the username cannot be opened')
      })
      const address = parseUsername(opened)
      const logged = toLogged({ challengeId, sendNumber, purpose: 'restore', expiresAt }, loggedAddress(address), time)
      if (expired) return suppressLogged(address, logged, 'expired')
      // The gateway counts for each username; the checks below count for the customer, who may have several.
      if (withheld) {
        const { reason, name } = suppressedBy[withheld]
        return suppressLogged(address, logged, reason, name)
      }
      // A known network has turns of its own: strangers elsewhere must not delay the owner (S39).
      await turns.run(`${address.value} ${knownNetwork}`, () => sendTo(address, logged, request))
    },

    /** @throws RekeyError unavailable: retry */
    async sendForChallenge(issued: EventData<typeof ChallengeIssued>, time: Date): Promise<void> {
      const { challengeId, customer: customerCode, device, purpose, sendNumber, expiresAt } = issued
      const { code, verificationCode } = issued
      const expired = isExpired(expiresAt)
      const customer = await store.findByCode(customerCode)
      // Again, after the offer at A4: a restore may have come between. A change needs a session, which both channels proved.
      const offered =
        customer &&
        (purpose === 'login' ? signInAddresses(customer.addresses, customer, now(), deps) : customer.addresses)
      const to = offered && pickDevice(offered, device)
      if (!customer) return suppress(challengeId, unreachable)
      const about = { challengeId, sendNumber, purpose, expiresAt }
      const logged = toLogged(about, to ? loggedAddress(to) : loggedDevice(device), time)
      await logCode(database, customer.id, logged, to ? undefined : 'device_unavailable')
      if (!to) return suppress(challengeId, 'no such device')
      if (expired) return suppress(challengeId, 'expired')
      const sent = { ...about, code, verificationCode }
      await publish(customer, await addressed(customer, to, sent))
    },
  }
}
