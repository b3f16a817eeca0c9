import t from 'tap'
import { summaryOf } from './statement-span.ts'

const statements: Record<string, string> = {
  BEGIN: 'BEGIN',
  'SELECT customer identifier':
    'SELECT c.id FROM customer c JOIN identifier i ON i.customer_id = c.id FOR UPDATE SKIP LOCKED',
  'SELECT customer':
    'SELECT "public"."customer"."id" FROM "public"."customer" WHERE ("public"."customer"."id" = $1) LIMIT $2',
  'INSERT spent_token':
    'INSERT INTO spent_token (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO UPDATE SET jti = $1',
  'INSERT outbox report_link':
    'WITH event AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1) AS e (id uuid)), added AS (INSERT INTO outbox (id) SELECT id FROM event) INSERT INTO report_link SELECT id FROM event',
  'SELECT job': 'WITH next AS (SELECT id FROM job FOR UPDATE) SELECT id FROM next',
  'UPDATE customer': 'UPDATE "public"."customer" SET "session_epoch" = $1',
  'DELETE restore_failure': 'DELETE FROM restore_failure WHERE customer_id = $1',
  'SELECT outbox':
    'SELECT o.id FROM unnest($1::int[]) AS l(lane) CROSS JOIN LATERAL (SELECT id FROM outbox LIMIT 1) AS o',
  SELECT: 'SELECT 1',
}

t.test('a statement is summarised by its verb and its tables', (t) => {
  for (const [summary, text] of Object.entries(statements)) t.equal(summaryOf(text), summary)
  t.end()
})
