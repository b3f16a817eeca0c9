import Fastify from 'fastify'
import pg from 'pg'

// The floor of B3 and B8: one prepared query of a customer's newest ten changes.

const { PORT = '0', DATABASE_URL = '' } = process.env

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 })
await pool.query(`
  CREATE TABLE IF NOT EXISTS change (id bigserial PRIMARY KEY, customer_id int, type text, create_time timestamptz);
  CREATE INDEX IF NOT EXISTS newest ON change (customer_id, create_time DESC);
  INSERT INTO change SELECT 1, 1, 'restored', now() WHERE NOT EXISTS (SELECT FROM change);`)

const change = {
  type: 'object',
  properties: { id: { type: 'integer' }, type: { type: 'string' }, createTime: { type: 'string' } },
} as const
const app = Fastify()
app.get<{ Params: { id: number } }>(
  '/api/v2/clients/:id/password/changes',
  {
    schema: {
      params: { type: 'object', properties: { id: { type: 'integer' } } },
      response: {
        200: {
          type: 'object',
          properties: { total: { type: 'integer' }, data: { type: 'array', items: change } },
        },
      },
    },
  },
  async ({ params: { id } }) => {
    const { rows } = await pool.query({
      name: 'newest',
      text: `SELECT id, type, create_time AS "createTime", count(*) OVER () AS total
        FROM change WHERE customer_id = $1 ORDER BY create_time DESC LIMIT 10`,
      values: [id],
    })
    return { total: Number(rows[0]?.total ?? 0), data: rows }
  },
)
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
