/**
 * SQL for the kinds of factors that the customer `c` has young ones of alone: all were confirmed after a time (S57). What
 * came with a new customer counts as old, as addresses do (S43): nothing of the customer's is older. An hour is for
 * differences between the clocks of Postgres and the service.
 */
export const youngFactorKindsSql = (oldSince: string) => `ARRAY(
  SELECT f.kind::text FROM factor f WHERE f.customer_id = c.id AND f.confirmed_at IS NOT NULL GROUP BY f.kind
  HAVING min(f.confirmed_at) > greatest(${oldSince}::timestamptz, c.created_at + interval '1 hour')
)`
