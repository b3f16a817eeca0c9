import { scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import type { startPasswordService } from '@rekey/test-support/password-service'
import { digestOf } from '../history/digest.ts'

type Service = Awaited<ReturnType<typeof startPasswordService>>

interface JobView {
  state: string
  total: number
  done: number
  failed: number
}

/** Starts, reads and cancels jobs, and queries the result for each customer. */
export const jobsOf = (service: Service) => {
  const { query, bearer } = service
  const headers = () => ({ authorization: bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' }) })

  const show = async (jobId: unknown, http = service.http) =>
    (await http.get<JobView>(`/api/v2/jobs/${jobId}`, headers())).body

  return {
    show,
    start: (http = service.http) =>
      http.send<Record<string, string>>('POST', '/api/v2/clients/reset-password', headers()),
    cancel: (jobId: unknown) =>
      service.http.send<JobView & { code: string }>('POST', `/api/v2/jobs/${jobId}/cancel`, headers()),
    ended: (jobId: unknown, http = service.http) =>
      eventually(
        async () => {
          const job = await show(jobId, http)
          return job.state === 'running' ? undefined : job
        },
        { what: 'the end of the job' },
      ),

    /** Inserts customers, each with a confirmed address, a password and an open restore. */
    async customers(count: number) {
      await query(
        `WITH made AS (
           INSERT INTO customer (code) SELECT 'M' || gen_random_uuid() FROM generate_series(1, $1::int) RETURNING id, code
         ), identifiers AS (
           INSERT INTO identifier (customer_id, kind, value, verified_at)
           SELECT id, 'email', lower(code) || '@example.com', now() FROM made
         ), restores AS (
           INSERT INTO restore_request SELECT gen_random_uuid(), id, now() + interval '1 hour' FROM made
         )
         INSERT INTO credential (customer_id, hash, updated_at) SELECT id, 'none that fits', now() FROM made`,
        [count],
      )
    },

    /** Number of resets of each customer in its history, events, notifications and sessions. */
    resetsOf: (jobId: unknown) =>
      query<{ resets: string; customers: number }>(
        `SELECT resets, count(*)::int AS customers FROM (
           SELECT concat_ws(' ',
             (SELECT count(*) FROM password_change WHERE customer_id = c.id AND operation = 'reset'),
             (SELECT count(DISTINCT event_id) FROM outbox WHERE subject = c.code AND type = 'password.reset-requested'
                AND data ->> 'jobId' = $1),
             (SELECT count(DISTINCT event_id) FROM outbox WHERE subject = c.code AND type = 'notify.reset-requested'),
             (SELECT CASE WHEN coalesce(max((data ->> 'sessionEpoch')::int), 0) = c.session_epoch
                THEN count(DISTINCT data ->> 'sessionEpoch') END FROM outbox WHERE subject = c.code),
             (SELECT must_change FROM credential WHERE customer_id = c.id),
             (SELECT count(*) FROM restore_request WHERE customer_id = c.id)
           ) AS resets FROM customer c
         ) AS each GROUP BY resets ORDER BY customers DESC`,
        [jobId],
      ),

    /** Records of the history that break their customer's chain of digests. */
    async brokenChains() {
      const rows = await query(`SELECT id, customer_id AS "customerId", type, operation, actor, actor_id AS "actorId",
        client_id AS "clientId", channel, ip, create_time AS "createTime", previous_digest AS "previousDigest", digest
        FROM password_change ORDER BY customer_id, id`)
      const last = new Map<number, string>()
      return rows.filter(({ previousDigest, digest, ...record }) => {
        const expected = last.get(record.customerId) ?? '0'.repeat(64)
        last.set(record.customerId, digest)
        return previousDigest !== expected || digestOf(previousDigest, record as never) !== digest
      })
    },
  }
}

/** The result of `resetsOf` for a customer with one confirmed address who was reset once. */
export const once = '1 1 1 1 t 0'
