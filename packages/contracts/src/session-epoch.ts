import { clockSlackSeconds } from './lifetimes.ts'

/**
 * Session epochs count seconds from this time on: the end of all sessions of a customer sets the epoch to the greater of
 * the epoch plus one and the seconds of the clock. An epoch is therefore never given twice, also after Postgres was
 * restored from an older copy. As seconds since 2025 they fit Postgres' `integer` until 2093.
 */
const countedFromMs = Date.UTC(2025, 0, 1)

/** The least epoch that an end of all sessions at this time sets. */
export const sessionEpochAt = (time: Date): number => Math.max(0, Math.floor((time.getTime() - countedFromMs) / 1_000))

/**
 * False if no end of sessions up to now can have set this epoch: an event that states it was forged, and would keep the
 * customer out (S47).
 */
export const isPlausibleEpoch = (epoch: number, now: Date): boolean => epoch <= sessionEpochAt(now) + clockSlackSeconds
