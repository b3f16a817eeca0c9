import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'

/** What somebody asked for, and what became of it. */
export interface StoredApproval {
  id: string
  action: 'set_password' | 'reset_password' | 'reset_all'
  state: 'pending' | 'approved' | 'rejected'
  customer: { id: number; code: string } | null
  /** Token subject of who asked. */
  maker: string
  createdAt: Date
  expiresAt: Date
  decidedBy: string | null
  decidedAt: Date | null
  /** Where a new password is to be mailed: the event that will do it. */
  mailEventId: string | null
}

/** What carrying it out needs. A new password is there until the decision, or the end of its time. */
export interface PendingApproval extends StoredApproval {
  makerClientId: string
  makerIp: string
  hash: string | null
  sealedPassword: string | null
}

interface NewApproval
  extends Pick<PendingApproval, 'id' | 'action' | 'maker' | 'makerClientId' | 'makerIp' | 'createdAt' | 'expiresAt'> {
  customerId: number | null
  hash: string | null
  sealedPassword: string | null
  mailEventId: string | null
}

interface Decision {
  state: 'approved' | 'rejected'
  /** Token subject; never the maker's. */
  by: string
  at: Date
}

export interface ApprovalStore {
  add(approval: NewApproval): Promise<void>
  find(id: string): Promise<PendingApproval | undefined>
  /** A page of what waits, the oldest first, and how many there are. */
  listPending(
    now: Date,
    page: { limit: number; offset: number },
  ): Promise<{ total: number; approvals: StoredApproval[] }>
  /**
   * Decides within a transaction, once, in time, by another than the maker, and wipes the password.
   *
   * @returns whether it did
   */
  decide(tx: Transaction, id: string, decision: Decision): Promise<boolean>
  /** The same in a transaction of its own. */
  decideAlone(id: string, decision: Decision): Promise<boolean>
}

const expiredForMs = 30 * 24 * 3_600_000

const shown = {
  id: true,
  action: true,
  state: true,
  customer: { select: { id: true, code: true } },
  maker: true,
  createdAt: true,
  expiresAt: true,
  decidedBy: true,
  decidedAt: true,
  mailEventId: true,
} as const

const passwordWiped = { hash: null, sealedPassword: null }

const decide: ApprovalStore['decide'] = async (tx, id, { state, by, at }) => {
  const { count } = await tx.approval.updateMany({
    where: { id, state: 'pending', expiresAt: { gt: at }, maker: { not: by } },
    data: { state, decidedBy: by, decidedAt: at, ...passwordWiped },
  })
  return count > 0
}

export const createApprovalStore = ({ database }: { database: Database }): ApprovalStore => ({
  async add(approval) {
    await database.query((prisma) => prisma.approval.create({ data: approval }))
  },

  find: (id) =>
    database.query(async (prisma) => {
      const secrets = { makerClientId: true, makerIp: true, hash: true, sealedPassword: true }
      return (await prisma.approval.findUnique({ where: { id }, select: { ...shown, ...secrets } })) ?? undefined
    }),

  listPending: (now, { limit, offset }) =>
    database.query(async (prisma) => {
      const where = { state: 'pending' as const, expiresAt: { gt: now } }
      const [total, approvals] = await Promise.all([
        prisma.approval.count({ where }),
        prisma.approval.findMany({
          where,
          select: shown,
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
          take: limit,
          skip: offset,
        }),
      ])
      return { total, approvals }
    }),

  decide,
  decideAlone: (id, decision) => database.transaction((tx) => decide(tx, id, decision)),
})

/** Wipes the passwords of approvals that were not decided in time. */
export const wipeExpiredApprovals =
  (loops: Database): Deletion =>
  (now, limit) =>
    loops.query(
      (prisma) => prisma.$executeRaw`
        UPDATE approval SET hash = NULL, sealed_password = NULL WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM approval WHERE state = 'pending' AND expires_at <= ${now} AND hash IS NOT NULL
          ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ))`,
    )

/** Deletes approvals that were not decided a month ago. Decisions stay: they say who agreed. */
export const deleteExpiredApprovals =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(
      loops,
      { table: 'approval', column: 'expires_at', where: Prisma.sql`state = 'pending'` },
      new Date(now.getTime() - expiredForMs),
      limit,
    )
