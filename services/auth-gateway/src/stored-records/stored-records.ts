import { timingSafeEqual } from 'node:crypto'
import { RekeyError } from '@rekey/contracts'
import { deriveKeys, hmac, toKeys } from '@rekey/platform/keys'
import { hashForLog } from '@rekey/platform/logger'
import { counter } from '@rekey/platform/metrics'
import type { Infrastructure } from '../infrastructure.ts'

interface Settings {
  REKEY_CODE_KEY: string
}

const recordKinds = ['challenge', 'authorization code', 'redeemed authorization code', 'session listing'] as const
type RecordKind = (typeof recordKinds)[number]

/** Fields of a Redis hash. */
export type StoredFields = Record<string, string>

/** The fields from a flat list of names and values, as Redis returns a hash. */
export const fieldsOf = (flat: readonly string[]): StoredFields => {
  const fields: StoredFields = {}
  for (let index = 0; index < flat.length; index += 2) fields[flat[index] ?? ''] = flat[index + 1] ?? ''
  return fields
}

/** Redis stores UTF-8, which has no form for half a surrogate pair. */
const asStored = (value: string | undefined): string | null => value?.toWellFormed() ?? null

const isEqual = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

/**
 * Authenticates records in Redis (S40): an HMAC under a key that Redis does not have covers each field that a token is
 * made from, the kind of record and the Redis key. So a changed record, or one that was copied to another key, yields no
 * token. Redis can still delete a record, or return an earlier version of it.
 */
export const createStoredRecords = ({ metrics, log }: Pick<Infrastructure, 'metrics' | 'log'>, config: Settings) => {
  const keys = deriveKeys(toKeys(config.REKEY_CODE_KEY), 'stored record')
  const tampered = counter(metrics, {
    name: 'rekey_tampered_records_total',
    help:
      'Records in Redis that were refused because the gateway did not write them so: somebody else writes to Redis, or ' +
      'REKEY_CODE_KEY differs between gateways. Also counts records of the version before, for ten minutes after an upgrade',
    labels: { kind: recordKinds },
  })

  /** Logs a record that the gateway did not write so. @returns the error of every such record */
  const refuse = (kind: RecordKind, redisKey: string, reason: string): RekeyError => {
    tampered.inc({ kind })
    log.event('stored_record_tampered', { kind, record: hashForLog(redisKey), reason })
    return new RekeyError('invalid_grant')
  }

  return {
    refuse,

    /**
     * Signs and opens records of one kind, with these fields. `optional`: fields of a later version, which count only in
     * records that have them, so that gateways of the version before read the others.
     */
    ofKind<Name extends string>(kind: RecordKind, names: readonly Name[], optional: readonly Name[] = []) {
      const textOf = (redisKey: string, record: Partial<StoredFields>) =>
        JSON.stringify([
          kind,
          redisKey,
          ...names.map((name) => asStored(record[name])),
          ...optional.flatMap((name) => (record[name] ? [name, asStored(record[name])] : [])),
        ])
      return {
        /** The HMAC to store in the record. */
        sign: (redisKey: string, record: Partial<StoredFields>): string => hmac(keys.current, textOf(redisKey, record)),

        /** The fields, and no other that Redis may have added. @throws RekeyError invalid_grant */
        open(redisKey: string, record: Partial<StoredFields>, mac: string | undefined): Record<Name, string> {
          if (mac === undefined) throw refuse(kind, redisKey, 'without an HMAC')
          const text = textOf(redisKey, record)
          if (!keys.all.some((key) => isEqual(hmac(key, text), mac))) throw refuse(kind, redisKey, 'changed')
          const fields = [...names, ...optional]
          return Object.fromEntries(fields.map((name) => [name, record[name] ?? ''])) as Record<Name, string>
        },
      }
    },
  }
}

export type StoredRecords = ReturnType<typeof createStoredRecords>
