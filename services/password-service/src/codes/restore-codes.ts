import { type Address, grantSeconds, parseUsername, type RestoreRequested, type Suppression } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Received } from '@rekey/platform/consume-together'
import { LaterError, PermanentError } from '@rekey/platform/consumer'
import type { Keys } from '@rekey/platform/keys'
import { unseal } from '@rekey/platform/seal'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import { type LoggedCode, loggedAddress } from '../messages/message.ts'
import type { CodePublisher, SuppressionReason } from './code-publisher.ts'
import type { DecidedSend, RestoreSends, Send } from './restore-sends.ts'
import type { Suppressions } from './suppressions.ts'
import type { Turns } from './turns.ts'

interface Deps {
  codes: CodePublisher
  sends: RestoreSends
  lockout: Pick<LockoutFeature, 'count'>
  suppressions: Suppressions
  turns: Turns
  /** Notifies a blocked customer who asked for a code. */
  notifyBlocked(customerId: number): Promise<void>
  keys: { username: Keys }
  now: Now
}

type Event = Received<typeof RestoreRequested>

/** An event whose code may be sent, if its customer exists. */
interface Asked {
  event: Event
  send: Send
}

/** A grant may be issued until its code expires, and then lives on; five minutes more for clocks that differ. */
const restoreOutlivesCodeMs = (grantSeconds + 5 * 60) * 1_000

/** How long an event waits whose customer another transaction has locked. */
const busyMs = 20

/** Stands for the customer of an address that has none: ids begin at 1. */
const nobody = { id: 0, code: '', locale: 'en', timezone: 'Etc/UTC' }

/** Why the gateway had a code suppressed, by the event's value: the reason in metrics, and in the log of messages. */
const suppressedBy = {
  limit: { reason: 'limit', name: 'account_limit' },
  budget: { reason: 'lockout', name: 'account_lockout' },
} as const

/**
 * Returns the function that sends the codes of restores to the customers of their addresses, all that wait together. For
 * an address of nobody it does the same work, of which nothing is left: a neighbour on the same cores could tell less work
 * from more (S12). It returns for each event why it failed, as `consumeTogether` demands.
 */
export const createRestoreCodes = (deps: Deps) => {
  const { codes, sends, lockout, suppressions, turns, notifyBlocked, keys, now } = deps
  /** Suppresses a code, and logs it as a message if the address is a customer's. `name` undefined: its time is over. */
  const suppressLogged = async (address: Address, code: LoggedCode, reason: SuppressionReason, name?: Suppression) => {
    await suppressions.log(address, code, name)
    codes.suppress(code.challengeId, reason, address)
  }

  /**
   * Opens the username. @returns undefined if the code has been suppressed
   *
   * @throws RekeyError unavailable: retry. LaterError: other work for this account has its turn. PermanentError: the
   * username cannot be opened
   */
  const open = async (event: Event): Promise<Asked | undefined> => {
    const { challengeId, sendNumber, username, expiresAt, withheld, knownNetwork } = event.data
    const expired = codes.isExpired(expiresAt)
    const opened = await unseal<string>(keys.username, challengeId, username).catch(() => {
      throw new PermanentError('the username cannot be opened')
    })
    const address = parseUsername(opened)
    const about = { challengeId, sendNumber, purpose: 'restore' as const, expiresAt }
    const code = codes.toLogged(about, loggedAddress(address), event.time)
    if (expired) {
      await suppressLogged(address, code, 'expired')
      return undefined
    }
    // The gateway counts for each username; the decision below counts for the customer, who may have several.
    if (withheld) {
      const { reason, name } = suppressedBy[withheld]
      await suppressLogged(address, code, reason, name)
      return undefined
    }
    // A known network has turns of its own: strangers elsewhere must not delay the owner (S39).
    turns.take(`${address.value} ${knownNetwork ?? ''}`, `${challengeId}.${sendNumber}`)
    const keptUntil = new Date(code.expiresAt.getTime() + restoreOutlivesCodeMs)
    return { event, send: { address, code, knownNetwork, keptUntil } }
  }

  const finish = async ({ event, send: { address, code } }: Asked, { verdict, owner, isNotified }: DecidedSend) => {
    const { challengeId, sendNumber, code: sealedCode, verificationCode, expiresAt } = event.data
    if (verdict === 'busy') throw new LaterError(busyMs)
    if (verdict === 'lockout') return suppressLogged(address, code, 'lockout', 'customer_lockout')
    if (verdict === 'limit') return suppressLogged(address, code, 'limit', 'customer_limit')
    const about = { challengeId, sendNumber, purpose: 'restore' as const, expiresAt }
    const addressed = await codes.addressed(owner ?? nobody, address, {
      ...about,
      code: sealedCode,
      verificationCode,
      askedAt: code.askedAt,
    })
    if (owner && isNotified) await notifyBlocked(owner.id)
    if (verdict !== 'send') return codes.suppress(challengeId, 'unknown or blocked', address)
    await codes.publish(addressed)
  }

  return async (events: readonly Event[]): Promise<unknown[]> => {
    const errors = new Map<Event, unknown>()
    /** Each event's work in its own trace; one that fails harms no other. */
    const each = <T>(about: readonly Event[], work: (event: Event, index: number) => Promise<T>) =>
      Promise.all(
        about.map((event, index) =>
          event
            .inTrace(() => work(event, index))
            .catch((error: unknown) => {
              errors.set(event, error)
              return undefined
            }),
        ),
      )

    const asked = (await each(events, open)).filter((one) => one !== undefined)
    if (asked.length > 0) {
      const decided = await sends.decide(
        asked.map(({ send }) => send),
        now(),
      )
      // Events of wrong codes may have arrived before these. What comes later finds the records.
      const unclaimed = await sends.unclaimed(asked.map(({ send }) => send.code.challengeId))
      await each(
        asked.map(({ event }) => event),
        async (event, index) => {
          const { challengeId } = event.data
          if (unclaimed.includes(challengeId)) await lockout.count(challengeId)
          await finish(asked[index] as Asked, decided[index] as DecidedSend)
        },
      )
    }
    return events.map((event) => errors.get(event))
  }
}
