import { createHash } from 'node:crypto'
import type { RecordOperation } from '@rekey/contracts'

/** One record of the history: a password change, or what the back office did to a customer's protection. */
export interface ChangeRecord<Operation extends RecordOperation = RecordOperation> {
  id: number
  customerId: number
  /** By the back office, or by the customer. Published for password changes only. */
  type: 'changed' | 'restored'
  operation: Operation
  actor: 'client' | 'back_office'
  /** Subject of the token: the customer's code, or the back office's client. */
  actorId: string
  /** OAuth client that sent the request; empty for a compromise report, which comes through none. */
  clientId: string
  channel: string
  ip: string
  /** In milliseconds, the precision of the column. */
  createTime: Date
  /** End of the recovery hold that this change started. */
  holdUntil?: Date | null | undefined
  /** Token subject of the second person. */
  approvedBy?: string | null | undefined
  /** Reason that the back office gave. */
  reason?: string | null | undefined
}

/** A record with its digest. */
export interface ChainedChange<Operation extends RecordOperation = RecordOperation> extends ChangeRecord<Operation> {
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
  approvedBy,
  reason,
}: ChangeRecord) =>
  JSON.stringify({
    actor,
    actorId,
    // Omitted if there is none, as below: the digests of records from before these columns have no such member.
    ...(approvedBy && { approvedBy }),
    channel,
    clientId,
    createTime: createTime.toISOString(),
    customerId,
    // Omitted if there is no hold: the digests of records from before holds were computed without this member.
    ...(holdUntil && { holdUntil: holdUntil.toISOString() }),
    id,
    ip,
    operation,
    ...(reason && { reason }),
    type,
  })

/**
 * Digest of a record, chained to the customer's previous record: SHA-256, in hex, of the previous digest's hex text
 * followed by the record's canonical JSON. Changing, deleting or moving a record invalidates every later digest.
 */
export const digestOf = (previousDigest: string, record: ChangeRecord): string =>
  createHash('sha256').update(previousDigest).update(canonical(record)).digest('hex')
