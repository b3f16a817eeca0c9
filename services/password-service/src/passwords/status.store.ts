import type { PasswordOperation, Reference } from '@rekey/contracts'
import { isReferredTo } from '../customers/reference.ts'
import type { Database } from '../database.ts'
import type { ChangeRecord } from '../history/digest.ts'
import { isPasswordChange } from '../history/history.store.ts'
import { mustChange } from './must-change.ts'

type LastChange = Pick<ChangeRecord<PasswordOperation>, 'id' | 'type' | 'operation' | 'createTime'>

/** The state of a customer's password. */
export interface Status {
  customerId: number
  customer: string
  status: 'active' | 'blocked'
  hasPassword: boolean
  mustChange: boolean
  temporaryUntil: Date | null
  holdUntil: Date | null
  lastChange: LastChange | undefined
}

type Row = Omit<Status, 'lastChange'> & (LastChange | { [Column in keyof LastChange]: null })

const toStatus = ({ id, type, operation, createTime, ...status }: Row): Status => ({
  ...status,
  lastChange: id === null ? undefined : { id, type, operation, createTime },
})

export const createStatusStore = (database: Database) => ({
  find: (reference: Reference): Promise<Status | undefined> =>
    database.query(async (prisma) => {
      const [row] = await prisma.$queryRaw<Row[]>`
        SELECT c.id AS "customerId", c.code AS customer, c.status::text, k.hash IS NOT NULL AS "hasPassword",
               ${mustChange} AS "mustChange", k.temporary_until AS "temporaryUntil",
               c.hold_until AS "holdUntil", last.*
        FROM customer c
        LEFT JOIN credential k ON k.customer_id = c.id
        LEFT JOIN LATERAL (
          SELECT id, type::text, operation::text, create_time AS "createTime" FROM password_change
          WHERE customer_id = c.id AND ${isPasswordChange}
          ORDER BY create_time DESC, id DESC LIMIT 1
        ) AS last ON true
        WHERE ${isReferredTo(reference)}`
      return row && toStatus(row)
    }),
})

export type StatusStore = ReturnType<typeof createStatusStore>
