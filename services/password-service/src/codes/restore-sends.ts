import type { Address } from '@rekey/contracts'
import type { AllowanceSize } from '@rekey/platform/quota'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { type LoggedCode, logMessages } from '../messages/message.ts'
import { prepared } from '../statements.ts'
import { decideSends, type Standing, type Verdict } from './decide-sends.ts'
import { isDue, notifiedSince } from './notify-blocked.ts'

/** A code to restore that is about to be sent. */
export interface Send {
  address: Address
  code: LoggedCode
  /** HMAC of a username and a network from which it signed in. */
  knownNetwork: string | undefined
  /** When the record of the restore is no longer needed. */
  keptUntil: Date
}

/** How a customer is reached. */
export interface Owner {
  id: number
  code: string
  locale: string
  timezone: string
}

/** `owner`: the customer; undefined if there is none, or it is busy. */
export interface DecidedSend {
  verdict: Verdict
  owner: Owner | undefined
  /** True if the customer is blocked and is to be notified that a code was asked for. */
  isNotified: boolean
}

interface Deps {
  /** That of the background loops. */
  loops: Database
  /** Codes to restore for one customer, at all addresses together (S7). */
  quota: AllowanceSize
  /** Divides the duration of lockouts. */
  scale: number
}

// Each statement takes codes as a JSON array, and reads tables by a subquery for each code. The settings of the background
// loops make it use an index: a connection keeps the plan that it made while a table was empty.

/**
 * Locks the customers of addresses. One whom another transaction has locked is skipped: the codes of all others would wait
 * for it, and two instances could deadlock.
 */
const lockOwners = prepared<{ customerId: number | null; isLocked: boolean }, [addresses: string]>(
  'lock_owners',
  `WITH asked AS (
    SELECT place, (
      SELECT customer_id FROM identifier WHERE value = a.value AND kind = a.kind AND verified_at IS NOT NULL
    ) AS customer_id
    FROM json_to_recordset($1::json) AS a (place int, value text, kind identifier_kind)
  ), locked AS MATERIALIZED (
    SELECT id FROM customer WHERE id = ANY (ARRAY(SELECT customer_id FROM asked)) FOR NO KEY UPDATE SKIP LOCKED
  )
  SELECT customer_id AS "customerId", customer_id IN (SELECT id FROM locked) IS TRUE AS "isLocked"
  FROM asked ORDER BY place`,
)

interface StandingRow extends Omit<Owner, 'id'>, Pick<Standing, 'isBlocked' | 'used' | 'isCounted'> {
  id: number | null
  youngSince: Date | null
  isNotified: boolean | null
  failures: Date[] | null
}

/** Reads, after the lock, what decides about codes. The used quota is read where it is asked for. */
const readStandings = prepared<StandingRow, [codes: string, countedFrom: Date, notifiedSince: Date]>(
  'read_standings',
  `SELECT owner.*,
    (SELECT array_agg(failed_at) FROM restore_failure WHERE customer_id = owner.id) AS failures,
    coalesce((
      SELECT true FROM restore_send WHERE challenge_id = a.challenge_id AND send_number = a.send_number
    ), false) AS "isCounted",
    CASE WHEN a.reads_quota THEN (
      SELECT count(*)::int FROM restore_send
      WHERE customer_id = a.customer_id AND sent_at > $2 AND known_network IS NOT DISTINCT FROM a.known_network
    ) END AS used
  FROM json_to_recordset($1::json) AS a (
    place int, customer_id int, value text, kind identifier_kind, challenge_id uuid, send_number smallint,
    known_network text, reads_quota boolean
  )
  LEFT JOIN LATERAL (
    SELECT c.id, c.code, c.locale, c.timezone, c.status = 'blocked' AS "isBlocked", i.young_since AS "youngSince",
      ${isDue(Prisma.raw('$3')).text} AS "isNotified"
    FROM identifier i JOIN customer c ON c.id = i.customer_id
    WHERE i.value = a.value AND i.kind = a.kind AND i.verified_at IS NOT NULL AND c.id = a.customer_id
    OFFSET 0
  ) AS owner ON true
  ORDER BY a.place`,
)

const loggedCodes = Prisma.raw(`
  SELECT challenge_id AS ref, send_number, customer_id, 'code' AS kind, 'restore' AS purpose, channel, masked_to,
    asked_at, expires_at, CASE reason WHEN '' THEN 'waiting' ELSE 'suppressed' END AS status, reason
  FROM decided`)

/**
 * Counts codes that are about to be sent, records whose restore each challenge is, and logs them as messages (B13).
 * Repeated for a later code, it extends the record and keeps its customer. A code with a reason is only logged, as
 * suppressed; of one without a customer nothing is left.
 */
const recordSends = prepared<object, [codes: string, sentAt: Date]>(
  'record_sends',
  `WITH decided AS (
    SELECT * FROM json_to_recordset($1::json) AS d (
      customer_id int, challenge_id uuid, send_number smallint, known_network text, address_kind identifier_kind,
      young_since timestamptz, kept_until timestamptz, channel text, masked_to text, asked_at timestamptz,
      expires_at timestamptz, reason text
    ) WHERE customer_id IS NOT NULL
  ), counted AS (
    INSERT INTO restore_send (challenge_id, send_number, customer_id, sent_at, known_network)
    SELECT challenge_id, send_number, customer_id, $2::timestamptz, known_network FROM decided WHERE reason = ''
    ON CONFLICT (challenge_id, send_number) DO NOTHING
  ), recorded AS (
    INSERT INTO restore_request (challenge_id, customer_id, expires_at, kind, young_since)
    SELECT DISTINCT ON (challenge_id) challenge_id, customer_id, kept_until, address_kind, young_since
    FROM decided WHERE reason = '' ORDER BY challenge_id, kept_until DESC
    ON CONFLICT (challenge_id) DO UPDATE SET expires_at = GREATEST(restore_request.expires_at, EXCLUDED.expires_at)
  )
  ${logMessages(loggedCodes).text}`,
)

/** Challenges of which wrong codes were recorded before their customer was known. */
const findUnclaimed = prepared<{ challengeId: string }, [challengeIds: string[]]>(
  'find_unclaimed_failures',
  `SELECT challenge_id AS "challengeId" FROM unnest($1::uuid[]) AS a (challenge_id)
  WHERE EXISTS (SELECT FROM restore_failure f WHERE f.challenge_id = a.challenge_id AND f.customer_id IS NULL OFFSET 0)`,
)

const addressColumns = ({ address }: Send, place: number) => ({ place, ...address })

const standingColumns = ({ knownNetwork, code }: Send) => ({
  challenge_id: code.challengeId,
  send_number: code.sendNumber,
  known_network: knownNetwork,
})

const recordColumns = (send: Send, { id, youngSince }: StandingRow, verdict: Verdict) => ({
  // The others are logged apart, at most one a minute (suppressions.ts).
  customer_id: verdict === 'send' || verdict === 'blocked' ? id : null,
  ...standingColumns(send),
  address_kind: send.address.kind,
  young_since: youngSince,
  kept_until: send.keptUntil,
  channel: send.code.to.channel,
  masked_to: send.code.to.maskedTo,
  asked_at: send.code.askedAt,
  expires_at: send.code.expiresAt,
  reason: verdict === 'blocked' ? verdict : '',
})

export const createRestoreSends = ({ loops, quota, scale }: Deps) => ({
  /**
   * Decides about codes and records those that may be sent, in one transaction. It locks their customers, so that quotas
   * (S7) hold however many instances decide at once. Codes for each known network have a quota of their own, which
   * strangers elsewhere cannot use up (S39). Repeated for the same code, it counts once. A code for nobody takes part in
   * the same statements (S12).
   *
   * @returns for each code, in their order
   * @throws RekeyError unavailable
   */
  decide: (sends: readonly Send[], at: Date): Promise<DecidedSend[]> =>
    loops.runTransaction(async (run) => {
      const owners = await run(lockOwners, JSON.stringify(sends.map(addressColumns)))
      const quotas = new Set<string>()
      const asked = sends.map((send, place) => {
        const { customerId = null, isLocked = false } = owners[place] ?? {}
        const of = `${customerId} ${send.knownNetwork}`
        const readsQuota = quotas.size < quotas.add(of).size
        return {
          send,
          of,
          isBusy: customerId !== null && !isLocked,
          customerId: isLocked ? customerId : null,
          readsQuota,
        }
      })
      const codes = asked.map(({ send, customerId, readsQuota }, place) => ({
        ...addressColumns(send, place),
        ...standingColumns(send),
        customer_id: customerId,
        reads_quota: readsQuota,
      }))
      const rows = await run(
        readStandings,
        JSON.stringify(codes),
        new Date(at.getTime() - quota.windowMs),
        notifiedSince(at),
      )
      const standings = asked.map(({ send, of, isBusy }, place): Standing & { row: StandingRow } => {
        const row = rows[place] as StandingRow
        const code = `${send.code.challengeId} ${send.code.sendNumber}`
        return { row, ...row, customerId: row.id, isBusy, failures: row.failures ?? [], quota: of, code }
      })
      const verdicts = decideSends(standings, { ...quota, at, scale })
      const decided = sends.map((send, place) => {
        const row = standings[place]?.row as StandingRow
        const verdict = verdicts[place] as Verdict
        return { row, verdict, columns: recordColumns(send, row, verdict) }
      })
      await run(recordSends, JSON.stringify(decided.map(({ columns }) => columns)), at)
      return decided.map(({ row: { id, code, locale, timezone, isNotified }, verdict }) => ({
        verdict,
        owner: id === null ? undefined : { id, code, locale, timezone },
        isNotified: isNotified === true,
      }))
    }),

  /** Those of these challenges of which wrong codes are recorded that count for no customer yet. */
  async unclaimed(challengeIds: string[]): Promise<string[]> {
    return (await loops.run(findUnclaimed, challengeIds)).map(({ challengeId }) => challengeId)
  },
})

export type RestoreSends = ReturnType<typeof createRestoreSends>

/** Deletes sends that have left the quota's window. */
export const deleteOldSends =
  (loops: Database, { windowMs }: AllowanceSize): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'restore_send', column: 'sent_at' }, new Date(now.getTime() - windowMs), limit)
