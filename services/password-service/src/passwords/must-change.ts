import { Prisma } from '../generated/prisma/client.ts'

/**
 * True if the customer `c` with the credential `k` must change the password at the next sign-in: by the credential, or
 * because the running reset of all customers has not reached this one yet. The job takes hours, so that an attacker who
 * knows a password could sign in until then. False without a password.
 */
export const mustChange = Prisma.sql`
  (coalesce(k.must_change, false) OR (k.customer_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM job j WHERE j.state = 'running' AND c.id > j.last_customer_id AND c.id <= j.up_to_customer_id
      AND NOT EXISTS (SELECT 1 FROM password_change p WHERE p.customer_id = c.id AND p.create_time >= j.created_at)
  )))`
