import type { Pause } from '@rekey/platform/consumer'

/**
 * For what follows from a request to restore: its answer has left by then. What is done for a customer, and not for a
 * username that nobody has, must not compete with that answer for the same cores (S12, docs/timing.md). Of random
 * length: at a fixed time afterwards another request would be told by it.
 */
export const afterAnswer: Pause = { shortestMs: 100, longestMs: 300, mostInHand: 512 }
