import { createHash } from 'node:crypto'

/** One record of the history, as it is stored. */
export interface ChangeRecord {
  id: number
  customerId: number
  type: 'changed' | 'restored'
  operation: 'change' | 'restore' | 'reset' | 'set'
  actor: 'client' | 'back_office'
  /** Token subject of who did it: the customer's code, or the back office's client. */
  actorId: string
  /** OAuth client the request came through. */
  clientId: string
  channel: string
  ip: string
  /** Whole milliseconds: what the column keeps. */
  createTime: Date
  /** End of the recovery hold that it began. */
  holdUntil?: Date | null | undefined
}

/** A record that stands in its customer's chain. */
export interface ChainedChange extends ChangeRecord {
  digest: string
}

/** What the digest of a customer's first record stands on. */
export const firstPreviousDigest = '0'.repeat(64)

/** The record as canonical JSON (RFC 8785): names in order, no white space, the time in UTC with milliseconds. */
const canonical = ({
  id,
  customerId,
  type,
  operation,
  actor,
  actorId,
  clientId,
  channel,
  ip,
  createTime,
  holdUntil,
}: ChangeRecord) =>
  JSON.stringify({
    actor,
    actorId,
    channel,
    clientId,
    createTime: createTime.toISOString(),
    customerId,
    // Left out where there is none: records older than holds have no such member.
    ...(holdUntil && { holdUntil: holdUntil.toISOString() }),
    id,
    ip,
    operation,
    type,
  })

/**
 * Chains a record to the one before it of the same customer: SHA-256, in hex, over the previous digest's hex text
 * followed by the record's canonical JSON. Whoever changes, drops or moves a record breaks every digest after it.
 */
export const digestOf = (previousDigest: string, record: ChangeRecord): string =>
  createHash('sha256').update(previousDigest).update(canonical(record)).digest('hex')
