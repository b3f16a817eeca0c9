import { ChallengeFailed, ChallengeLocked, type EventData } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { createEventsSeen } from '../events-seen.ts'

interface Deps {
  broker: Broker
  /** Names the durable consumers. */
  service: string
  /** Counts one wrong code. Safe to repeat: a consumer counts it too. @throws RekeyError unavailable */
  record(failure: EventData<typeof ChallengeFailed>, answeredAt: Date): Promise<void>
}

/**
 * Returns the function that waits until every wrong code that the broker has stored by now is counted, by any instance
 * (S42). A gateway answers a wrong code of a restore only after the broker stored its event: so the function has waited
 * for each wrong code that its sender knows of.
 */
export const createFailuresSeen = ({ record, ...deps }: Deps) => {
  const seen = createEventsSeen(deps, { events: [ChallengeFailed, ChallengeLocked], what: 'wrong codes' })

  /** @throws RekeyError unavailable if the broker does not answer, or the wrong codes are not counted, within 1.5 s */
  return (): Promise<void> => seen(record)
}

export type FailuresSeen = ReturnType<typeof createFailuresSeen>
