import { createHash } from 'node:crypto'

/** One record of the history. */
export interface ChangeRecord {
  id: number
  customerId: number
  type: 'changed' | 'restored'
  operation: 'change' | 'restore' | 'reset' | 'set'
  actor: 'client' | 'back_office'
  /** Subject of the token: the customer's code, or the back office's client. */
  actorId: string
  /** OAuth client that sent the request. */
  clientId: string
  channel: string
  ip: string
  /** In milliseconds, the precision of the column. */
  createTime: Date
  /** End of the recovery hold that this change started. */
  holdUntil?: Date | null | undefined
}

/** A record with its digest. */
export interface ChainedChange extends ChangeRecord {
  digest: string
}

/** Takes the place of the previous digest for a customer's first record. */
export const firstPreviousDigest = '0'.repeat(64)

/** The record as canonical JSON (RFC 8785): sorted names, no white space, times in UTC with milliseconds. */
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
    // Omitted if there is no hold: the digests of records from before holds were computed without this member.
    ...(holdUntil && { holdUntil: holdUntil.toISOString() }),
    id,
    ip,
    operation,
    type,
  })

/**
 * Digest of a record, chained to the customer's previous record: SHA-256, in hex, of the previous digest's hex text
 * followed by the record's canonical JSON. Changing, deleting or moving a record invalidates every later digest.
 */
export const digestOf = (previousDigest: string, record: ChangeRecord): string =>
  createHash('sha256').update(previousDigest).update(canonical(record)).digest('hex')
