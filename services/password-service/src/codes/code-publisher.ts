import {
  type Address,
  clockSlackSeconds,
  type EventData,
  longestCodeSeconds,
  NotifyCode,
  type Recipient,
  restoreStepsMetric,
  stepChannels,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { PermanentError } from '@rekey/platform/consumer'
import type { Keys } from '@rekey/platform/keys'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { Publisher } from '@rekey/platform/publisher'
import { seal } from '@rekey/platform/seal'
import { currentSpan } from '@rekey/platform/trace'
import type { LoggedCode } from '../messages/message.ts'
import { channelOf, toRecipient } from '../notifications/recipient.ts'

interface Deps {
  publisher: Publisher
  keys: { address: Keys }
  metrics: Metrics
  now: Now
  log: Logger
}

/** A code as the gateway made it: sealed for the notifier. */
export type Code = Pick<
  EventData<typeof NotifyCode>,
  'challengeId' | 'purpose' | 'code' | 'verificationCode' | 'expiresAt'
> & { sendNumber: number; askedAt: Date }

/** Why a code is not sent, in the log and in metrics. */
const suppressionReasons = ['unknown or blocked', 'no such device', 'expired', 'limit', 'lockout'] as const
export type SuppressionReason = (typeof suppressionReasons)[number]

/** The same as outcomes of a restore's step. */
const stepOutcomes = {
  'unknown or blocked': 'unknown_or_blocked',
  'no such device': 'no_device',
  expired: 'expired',
  limit: 'limited',
  lockout: 'locked_out',
} as const satisfies Record<SuppressionReason, string>

/** The customer whom a code is for. */
type Receiver = Pick<Recipient, 'locale' | 'timezone'> & { id: number; code: string }

/**
 * Adds the recipient to codes and publishes them for the notifier. A code stays sealed, and goes to the broker without the
 * outbox: no code, sealed or not, may be stored in the database (S9). Safe to repeat: the event's id consists of the
 * challenge and the send number, so that the broker drops a duplicate.
 */
export const createCodePublisher = ({ publisher, keys, metrics, now, log }: Deps) => {
  const suppressed = counter(metrics, {
    name: 'rekey_codes_not_sent_total',
    help: 'Codes that were created but not sent, by reason',
    labels: { reason: suppressionReasons },
  })

  const steps = counter(metrics, {
    ...restoreStepsMetric,
    labels: { step: ['code_sent'], channel: stepChannels, outcome: Object.values(stepOutcomes) },
  })

  return {
    /** @throws PermanentError if no code lives so long: the record of its restore would outlive every grant (S47) */
    isExpired(expiresAt: string): boolean {
      const lifeMs = new Date(expiresAt).getTime() - now().getTime()
      if (lifeMs > (longestCodeSeconds + clockSlackSeconds) * 1_000) {
        throw new PermanentError('the code would live longer than any code may')
      }
      return lifeMs <= 0
    },

    /** A code as the log of messages has it. `time`: of the gateway's event; if it has none, the time is now. */
    toLogged: (
      { expiresAt, ...code }: Omit<LoggedCode, 'to' | 'askedAt' | 'expiresAt'> & { expiresAt: string },
      to: LoggedCode['to'],
      time: Date,
    ): LoggedCode => ({
      ...code,
      to,
      askedAt: Number.isNaN(time.getTime()) ? now() : time,
      expiresAt: new Date(expiresAt),
    }),

    /**
     * Logs the challenge only: the username of somebody unknown must not be logged. `restoreTo`: the address that a restore
     * names, of which the metric gets the channel.
     */
    suppress(challengeId: string, reason: SuppressionReason, restoreTo?: Address): void {
      suppressed.inc({ reason })
      currentSpan()?.set({ 'rekey.challenge': hashForLog(challengeId), 'rekey.refused': reason })
      if (restoreTo) steps.inc({ step: 'code_sent', channel: channelOf(restoreTo.kind), outcome: stepOutcomes[reason] })
      log.event('code_not_sent', { challenge: hashForLog(challengeId), reason })
    },

    /** Adds the sealed recipient to a code. */
    async addressed(customer: Receiver, to: Address, { sendNumber, askedAt, ...code }: Code) {
      const recipient = toRecipient(to, customer)
      const sealed = await seal(keys.address, code.challengeId, recipient)
      const data = { ...code, askedAt: askedAt.toISOString(), customerId: customer.id, recipient: sealed }
      return { sendNumber, customer: customer.code, channel: recipient.channel, data }
    },

    /** @throws RekeyError unavailable */
    async publish({ sendNumber, customer, channel, data }: Addressed): Promise<void> {
      const { challengeId, purpose } = data
      currentSpan()?.set({ 'rekey.challenge': hashForLog(challengeId), 'rekey.channel': channel })
      await publisher.publish(NotifyCode, { id: `${challengeId}.${sendNumber}`, subject: challengeId, data })
      const challenge = hashForLog(challengeId)
      log.event('code_handed_to_notifier', { challenge, customer, purpose, channel, attempt: sendNumber })
    },
  }
}

/** A code with its sealed recipient. */
interface Addressed {
  sendNumber: number
  /** The customer's code. */
  customer: string
  channel: Recipient['channel']
  data: EventData<typeof NotifyCode>
}

export type CodePublisher = ReturnType<typeof createCodePublisher>
