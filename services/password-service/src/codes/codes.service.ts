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
import { toRecipient } from '../notifications/recipient.ts'
import { countSend } from './count-send.ts'
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

/** Why the gateway had a code suppressed, by the event's value. */
const suppressedBy = { limit: 'limit', budget: 'lockout' } as const

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
  const { database, store, lockout, publisher, keys, quota, turns, metrics, now, log } = deps
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

  /** Logs the challenge only: the username of somebody unknown must not be logged. */
  const suppress = (challengeId: string, reason: string) => {
    suppressed.inc({ reason })
    log.info({ event: 'code_not_sent', challenge: hashForLog(challengeId), reason }, 'code not sent')
  }

  /** Adds the sealed recipient to a code. */
  const addressed = async (customer: Reachable, to: Address, { sendNumber, ...code }: Code) => {
    const recipient = toRecipient(to, customer)
    const sealed = await seal(keys.address, code.challengeId, recipient)
    return { sendNumber, channel: recipient.channel, data: { ...code, recipient: sealed } }
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

  /**
   * Sends the code to the customer of the address. For nobody it does the same work, of which nothing is left: a
   * neighbour on the same cores could tell less work from more (S12).
   */
  const sendTo = async (
    address: Address,
    { challengeId, sendNumber, code, verificationCode, expiresAt, knownNetwork }: EventData<typeof RestoreRequested>,
  ): Promise<void> => {
    const found = await store.findByAddress(address)
    const customer = found ?? nobody
    if (await lockout.lockoutOf(customer.id)) return suppress(challengeId, 'lockout')
    const send = { customerId: customer.id, challengeId, sendNumber, knownNetwork, at: now() }
    if (!(await countSend(database, quota, send)) && found) return suppress(challengeId, 'limit')
    // Before the code is sent: its answer needs the record.
    const recorded = await recordRestore(database, {
      challengeId,
      customerId: customer.id,
      address,
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
    if (!recorded) return suppress(challengeId, unreachable)
    await publish(customer, notification)
  }

  return {
    /**
     * @throws RekeyError unavailable: retry. LaterError: other work for this account has its turn. PermanentError: the
     * username cannot be opened
     */
    async sendForRestore(request: EventData<typeof RestoreRequested>): Promise<void> {
      const { challengeId, username, expiresAt, withheld, knownNetwork = '' } = request
      if (isExpired(expiresAt)) return suppress(challengeId, 'expired')
      // The gateway counts for each username; the checks below count for the customer, who may have several.
      if (withheld) return suppress(challengeId, suppressedBy[withheld])
      const opened = await unseal<string>(keys.username, challengeId, username).catch(() => {
        throw new PermanentError('the username cannot be opened')
      })
      const address = parseUsername(opened)
      // A known network has turns of its own: strangers elsewhere must not delay the owner (S39).
      await turns.run(`${address.value} ${knownNetwork}`, () => sendTo(address, request))
    },

    /** @throws RekeyError unavailable: retry */
    async sendForChallenge(issued: EventData<typeof ChallengeIssued>): Promise<void> {
      const {
        challengeId,
        customer: customerCode,
        device,
        purpose,
        sendNumber,
        code,
        verificationCode,
        expiresAt,
      } = issued
      if (isExpired(expiresAt)) return suppress(challengeId, 'expired')
      const customer = await store.findByCode(customerCode)
      // Again, after the offer at A4: a restore may have come between. A change needs a session, which both channels proved.
      const offered =
        customer &&
        (purpose === 'login' ? signInAddresses(customer.addresses, customer, now(), deps) : customer.addresses)
      const to = offered && pickDevice(offered, device)
      if (!to) return suppress(challengeId, customer ? 'no such device' : unreachable)
      const sent = { challengeId, purpose, code, verificationCode, expiresAt, sendNumber }
      await publish(customer, await addressed(customer, to, sent))
    },
  }
}
