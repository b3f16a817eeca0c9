import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { CustomersEraseReply, CustomersUpsertReply } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import type { startPasswordService } from '@rekey/test-support/password-service'

export type Service = Awaited<ReturnType<typeof startPasswordService>>

/** Tables that keep what an erasure leaves: the history, and that the customer was erased. */
export const keptTables = ['password_change', 'history_entry', 'history_anchor', 'erased_customer']

interface Column {
  table: string
  name: string
  type: string
  label: string | null
}

/** The columns of every table that has rows of customers. */
const columnsOfCustomers = ({ query }: Service) =>
  query<Column>(
    `SELECT c.table_name AS table, c.column_name AS name, c.udt_name AS type,
       (SELECT enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typname = c.udt_name LIMIT 1) AS label
     FROM information_schema.columns c
     JOIN information_schema.columns of ON of.table_name = c.table_name AND of.table_schema = c.table_schema
     WHERE c.table_schema = 'public' AND of.column_name = 'customer_id' ORDER BY c.table_name, c.ordinal_position`,
  )

const random = () => `p${randomBytes(12).toString('hex')}`

const isSample = (value: unknown): value is string => typeof value === 'string' && /^p[0-9a-f]{24}$/.test(value)

const sampleOf = ({ type, label }: Column): unknown => {
  if (label !== null) return label
  if (type === 'text') return random()
  if (type === '_text') return [random()]
  if (type === 'uuid') return randomUUID()
  if (type === 'timestamptz') return new Date(Date.now() + 3_600_000)
  if (type === 'bool') return true
  if (type === 'float8') return Math.random()
  if (/^int/.test(type)) return randomInt(30_000)
  throw new Error(`a column of the type ${type}: add a value of it`)
}

/**
 * Fills every column of a row in each table that has rows of customers, and an event of the customer in the outbox.
 *
 * @returns each text that was stored
 */
export const fillAllTables = async (
  service: Service,
  { id, code }: { id: number; code: string },
): Promise<string[]> => {
  const { query } = service
  const columns = (await columnsOfCustomers(service)).filter(({ table }) => !keptTables.includes(table))
  const texts: string[] = []
  for (const [table, ofTable] of Map.groupBy(columns, ({ table }) => table)) {
    const values = ofTable.map((column) => (column.name === 'customer_id' ? id : sampleOf(column)))
    const names = ofTable.map(({ name }) => name)
    const inserted = await query(
      `INSERT INTO ${table} (${names}) VALUES (${values.map((_, index) => `$${index + 1}`)}) ON CONFLICT DO NOTHING RETURNING 1`,
      values,
    )
    if (inserted.length > 0) texts.push(...values.flat().filter(isSample))
  }
  const secret = random()
  await query(
    `INSERT INTO outbox (event_id, type, subject, data, created_at, published_at) VALUES ($1, 'password.set', $2, $3, now(), now())`,
    [randomUUID(), code, { secret }],
  )
  return [...texts, secret]
}

/** Every row of every table, as text, by table. */
export const dump = async ({ query }: Service): Promise<Map<string, string>> => {
  const tables = await query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  )
  const rows = await Promise.all(
    tables.map(async ({ name }) => {
      const found = await query<{ row: string }>(`SELECT t::text AS row FROM "${name}" AS t`)
      return [name, found.map(({ row }) => row).join('\n')] as const
    }),
  )
  return new Map(rows)
}

/** Calls an RPC. A request that no instance serves yet is sent again. */
const call = <Reply>({ broker }: Service, subject: string, request: object): Promise<Reply> =>
  eventually(
    async () => {
      const answer = await broker.connection().request(subject, JSON.stringify(request), { timeout: 60_000 })
      return answer.headers?.get('Nats-Service-Error-Code') ? undefined : answer.json<Reply>()
    },
    { what: `an answer of ${subject}` },
  )

export const erase = (service: Service, request: object): Promise<CustomersEraseReply> =>
  call(service, 'customers.erase', { reason: 'article 17', ...request })

export const upsert = (service: Service, request: object): Promise<CustomersUpsertReply> =>
  call(service, 'customers.upsert', request)
