import type { StreamName } from '@rekey/contracts'

/** Streams whose events go through the outbox. */
export const outboxStreams = ['PASSWORD', 'NOTIFY'] as const satisfies StreamName[]
export type OutboxStream = (typeof outboxStreams)[number]

/**
 * The outbox is relayed in lanes. All events of one customer and one stream are in one lane, which one relay at a time
 * holds: so they leave in order, and lanes leave side by side. The database's function `outbox_lane` computes them
 * (migration outbox_lanes): change both together, and only while nothing waits.
 */
export const lanesOf: Record<OutboxStream, readonly number[]> = {
  PASSWORD: [0, 1, 2, 3, 4, 5, 6, 7],
  NOTIFY: [8, 9, 10, 11, 12, 13, 14, 15],
}
