import type { KeyObject } from 'node:crypto'
import {
  type Address,
  type ChallengeIssued,
  challengeType,
  type EventData,
  NotifyCode,
  parseUsername,
  type RestoreRequested,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { PermanentError } from '@rekey/platform/consumer'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Metrics } from '@rekey/platform/metrics'
import type { Publisher } from '@rekey/platform/publisher'
import { seal, unseal } from '@rekey/platform/seal'
import { Counter } from 'prom-client'
import type { CustomerStore, Reachable } from '../customers/customers.store.ts'
import type { Budgets } from '../lockout/lockout.service.ts'
import { toRecipient } from '../notifications/recipient.ts'

interface Deps {
  store: CustomerStore
  budgets: Pick<Budgets, 'blockOf' | 'countSend' | 'charge'>
  publisher: Publisher
  keys: { username: KeyObject; address: KeyObject }
  metrics: Metrics
  now: Now
  log: Logger
}

/** What both events say of a code. */
type Code = Pick<
  EventData<typeof NotifyCode>,
  'challengeId' | 'purpose' | 'code' | 'verificationCode' | 'expiresAt'
> & { sendNumber: number }

export interface Codes {
  /** @throws RekeyError unavailable: to be tried again. PermanentError: the username cannot be opened */
  sendForRestore(request: EventData<typeof RestoreRequested>): Promise<void>
  /** @throws RekeyError unavailable: to be tried again */
  sendForChallenge(issued: EventData<typeof ChallengeIssued>): Promise<void>
}

/** A grant lives ten minutes from the moment its code was given; five more for clocks that differ. */
const restoreOutlivesCodeMs = 15 * 60_000

const unreachable = 'unknown or blocked'

/**
 * `oob:email`: whatever the customer prefers, which is the first address. Otherwise the address of that mask; of two that
 * look alike the older one, since a person could not tell them apart either.
 */
const pickDevice = ({ addresses }: Reachable, device: string): Address | undefined =>
  device === 'oob:email' ? addresses[0] : addresses.find((address) => challengeType(address) === device)

/**
 * Finds out whose code it is, and hands it on to the notifier with the address. The code is sealed for the notifier and
 * is not looked at here. It goes straight to the broker, never through the outbox: no code, sealed or not, is ever to
 * stand in the database (S9). Both sends may run again: the event's id is the challenge's and the send's number, so that
 * the broker drops the second one.
 */
export const createCodes = ({ store, budgets, publisher, keys, metrics, now, log }: Deps): Codes => {
  const dropped = new Counter({
    name: 'rekey_codes_not_sent_total',
    help: 'Codes that were made and not sent to anyone, by reason.',
    labelNames: ['reason'],
    registers: [metrics],
  })
  const expired = ({ expiresAt }: { expiresAt: string }) => new Date(expiresAt) <= now()
  // Told apart from what got lost on the way, by the challenge alone: never who it was that is not known.
  const drop = (challengeId: string, reason: string) => {
    dropped.inc({ reason })
    log.info({ event: 'code_not_sent', challenge: hashForLog(challengeId), reason }, 'no code is sent')
  }

  const hand = async (customer: Reachable, to: Address, { sendNumber, ...code }: Code) => {
    const recipient = toRecipient(to, customer)
    await publisher.publish(NotifyCode, {
      id: `${code.challengeId}.${sendNumber}`,
      subject: code.challengeId,
      data: { ...code, recipient: await seal(keys.address, code.challengeId, recipient) },
    })
    log.info(
      {
        event: 'code_handed_to_notifier',
        challenge: hashForLog(code.challengeId),
        customer: customer.code,
        purpose: code.purpose,
        channel: recipient.channel,
        attempt: sendNumber,
      },
      'code handed on',
    )
  }

  return {
    async sendForRestore({ challengeId, username, sendNumber, code, verificationCode, expiresAt, withheld }) {
      if (expired({ expiresAt })) return drop(challengeId, 'expired')
      // The gateway's limits, by the address that was typed. Ours below are by the person, who may have several.
      if (withheld) return drop(challengeId, withheld)
      const opened = await unseal<string>(keys.username, challengeId, username).catch(() => {
        throw new PermanentError('the username cannot be opened')
      })
      const address = parseUsername(opened)
      const customer = await store.findByAddress(address)
      if (!customer) return drop(challengeId, unreachable)
      if (await budgets.blockOf(customer.id)) return drop(challengeId, 'budget')
      if (!(await budgets.countSend(customer.id, { challengeId, sendNumber }))) return drop(challengeId, 'limit')
      const restoreUntil = new Date(new Date(expiresAt).getTime() + restoreOutlivesCodeMs)
      // Before the message, so that nobody can answer it earlier than we know whose it is.
      const isTheirs = await store.recordRestore(challengeId, { customerId: customer.id, address }, restoreUntil)
      if (!isTheirs) return drop(challengeId, unreachable)
      // Who guesses at once may have been heard of before the request was.
      await budgets.charge(challengeId)
      await hand(customer, address, { challengeId, purpose: 'restore', code, verificationCode, expiresAt, sendNumber })
    },

    async sendForChallenge({ challengeId, customer: customerCode, device, purpose, sendNumber, ...issued }) {
      if (expired(issued)) return drop(challengeId, 'expired')
      const customer = await store.findByCode(customerCode)
      const to = customer && pickDevice(customer, device)
      if (!to) return drop(challengeId, customer ? 'no such device' : unreachable)
      const { code, verificationCode, expiresAt } = issued
      await hand(customer, to, { challengeId, purpose, code, verificationCode, expiresAt, sendNumber })
    },
  }
}
