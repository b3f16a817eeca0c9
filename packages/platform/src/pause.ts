import type { Random } from './random.ts'

/** A random pause before an event is handled. */
export interface Pause {
  shortestMs: number
  longestMs: number
  /** Pauses end at multiples of this time, so that what is due at about the same time is handled together. 20 by default. */
  gridMs?: number
  /** Maximum number of events per instance that pause or are handled. */
  mostInHand: number
}

/** The length of one pause. */
export const pauseMs = ({ shortestMs, longestMs }: Pause, random: Random): number =>
  shortestMs + (random.bytes(2).readUInt16BE() / 2 ** 16) * (longestMs - shortestMs)
