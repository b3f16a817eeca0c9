import type { StreamName } from '@rekey/contracts'

/** Streams whose events go through the outbox. */
export const outboxStreams = ['PASSWORD', 'NOTIFY'] as const satisfies StreamName[]
export type OutboxStream = (typeof outboxStreams)[number]

/**
 * Lanes of each stream. All events of one customer and stream are in one lane, and one relay at a time publishes a lane,
 * so that they stay in order while lanes run in parallel. The database function `outbox_lane` computes the lane
 * (migration outbox_lanes): change both together, and only while the outbox is empty.
 */
export const lanesOf: Record<OutboxStream, readonly number[]> = {
  PASSWORD: [0, 1, 2, 3, 4, 5, 6, 7],
  NOTIFY: [8, 9, 10, 11, 12, 13, 14, 15],
}
