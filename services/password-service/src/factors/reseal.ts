import { type Background, runInBackground } from '@rekey/platform/background'
import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import { gauge, type Metrics } from '@rekey/platform/metrics'
import type { Database, Transaction } from '../database.ts'
import { currentKeyId, openSecret, sealSecret } from '../factor-secrets/factor-secret.ts'
import type { ProvingFactor } from './proofs.store.ts'

interface Deps {
  loops: Database
  keys: { factor: Keys }
  metrics: Metrics
  log: Logger
}

const batchSize = 200
const pollMs = 60_000
const backoffMs = { first: 1_000, most: pollMs }
const countedUpTo = 10_000
/** Before the id of every factor. */
const firstId = '00000000-0000-0000-0000-000000000000'

const lockBatch = (tx: Transaction, keyId: string, after: string): Promise<ProvingFactor[]> =>
  tx.$queryRaw<ProvingFactor[]>`
    SELECT id, customer_id AS "customerId", sealed_secret AS "sealedSecret" FROM factor
    WHERE seal_key_id = ${keyId} AND id > ${after}::uuid ORDER BY id LIMIT ${batchSize} FOR UPDATE SKIP LOCKED`

/** Counts the secrets that another key sealed, in index order. */
const countOlder = async (loops: Database, current: string): Promise<number> => {
  const [row] = await loops.query(
    (prisma) => prisma.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM (
        (SELECT 1 FROM factor WHERE seal_key_id < ${current} LIMIT ${countedUpTo})
        UNION ALL (SELECT 1 FROM factor WHERE seal_key_id > ${current} LIMIT ${countedUpTo})
      ) AS older`,
  )
  return row.count
}

/**
 * Seals the secrets of factors again under the first key of REKEY_FACTOR_SEAL_KEY, so that an older one can be dropped
 * (S52): unlike other sealed fields they do not expire. Every instance runs the loop; the lock of a row makes one of them
 * seal it. A secret that cannot be opened stays as it is, and is counted.
 */
export const startReseal = ({ loops, keys, metrics, log }: Deps): Background => {
  const current = currentKeyId(keys.factor)
  const others = keys.factor.all.map(({ id }) => id ?? '').filter((id) => id !== current)
  const older = gauge(metrics, {
    name: 'rekey_factor_secrets_on_older_keys',
    help:
      'Secrets of factors that are not sealed under the first key of REKEY_FACTOR_SEAL_KEY, counted once a minute and up ' +
      'to 20,000. Drop an older key only at 0; a figure that stays says that secrets need a key that was dropped',
  })

  const resealOne = async (tx: Transaction, factor: ProvingFactor) => {
    const secret = await openSecret<unknown>(keys.factor, factor, factor.sealedSecret).catch(() => undefined)
    if (secret === undefined) return
    await tx.factor.update({ where: { id: factor.id }, data: sealSecret(keys.factor, factor, secret) })
  }

  /** @returns the id of the last factor of a full batch; undefined if there are no more */
  const resealBatch = (keyId: string, after: string): Promise<string | undefined> =>
    loops.transaction(
      async (tx) => {
        const batch = await lockBatch(tx, keyId, after)
        for (const factor of batch) await resealOne(tx, factor)
        return batch.length === batchSize ? batch.at(-1)?.id : undefined
      },
      { timeoutMs: 6_000 },
    )

  const work = async (stopped: AbortSignal) => {
    for (const keyId of others) {
      let after: string | undefined = firstId
      while (after !== undefined && !stopped.aborted) after = await resealBatch(keyId, after)
    }
    older.set(await countOlder(loops, current))
  }

  return runInBackground({ work, pollMs, backoffMs, waiting: 'secrets of factors are not sealed again yet', log })
}
