import { HoldEnded, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { newEvent } from '../outbox/event.ts'
import { type Staff, staffForEvent, staffForLog } from '../staff/staff.ts'
import type { HoldStore } from './hold.store.ts'

interface Deps {
  store: HoldStore
  now: Now
  random: Random
  log: Logger
}

/** The recovery hold after a restore: nothing but time and the back office ends it. */
export const createHolds = ({ store, now, random, log }: Deps) => ({
  /** Ends it before its time; where none is on, none is. @throws RekeyError not_found, unavailable */
  async end(customerId: number, by: Staff): Promise<void> {
    const ended = await store.end(customerId, now(), ({ customer, holdUntil }) =>
      newEvent(HoldEnded, random.id(), {
        customer: customer.code,
        customerId,
        ...staffForEvent(by),
        heldUntil: holdUntil.toISOString(),
      }),
    )
    if (ended.result === 'unknown') throw new RekeyError('not_found', { detail: 'There is no such customer.' })
    if (ended.result !== 'ended') return
    const { customer, holdUntil } = ended.held
    log.info(
      { event: 'recovery_hold_ended', customer: customer.code, heldUntil: holdUntil, ...staffForLog(by) },
      'recovery hold ended early',
    )
  },
})

export type Holds = ReturnType<typeof createHolds>
