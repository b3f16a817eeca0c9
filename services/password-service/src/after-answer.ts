import type { Pause } from '@rekey/platform/consumer'

/**
 * The pause before an event of a restore is handled, so that its HTTP answer has left by then. Work that is done for a
 * customer, and not for an unknown username, must not compete with that answer for the same cores (S12,
 * docs/timing.md). Its length is random: after a fixed time the work would show in another request's answer.
 */
export const afterAnswer: Pause = { shortestMs: 100, longestMs: 300, mostInHand: 2_048 }
