import type { Address } from '@rekey/contracts'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { type ApprovalDecision, decideApproval } from '../staff/decide-approval.ts'
import type { Action } from './actions.ts'

const customer = {
  select: {
    id: true,
    code: true,
    identifiers: {
      select: { kind: true, value: true },
      where: { verifiedAt: { not: null } },
      orderBy: [{ kind: 'asc' }, { id: 'asc' }],
    },
  },
} satisfies Prisma.Approval$customerArgs

/** An action that waits for an approval, or was decided. */
export interface StoredApproval {
  id: string
  action: Action['kind']
  state: 'pending' | 'approved' | 'rejected'
  /** With the confirmed addresses: e-mail before phone, the oldest first. */
  customer: { id: number; code: string; identifiers: Address[] } | null
  /** Token subject of the member of staff who requested the action. */
  maker: string
  /** The person whom that token stands for; null in a request of an earlier version. */
  makerOwner: string | null
  reason: string | null
  /** True if the maker had verified the customer. */
  verified: boolean
  createdAt: Date
  expiresAt: Date
  decidedBy: string | null
  decidedByOwner: string | null
  decidedAt: Date | null
  /** Of the person who decided. */
  decisionReason: string | null
  /** The restore whose wait is to end; null for other actions. */
  waitingRestoreId: string | null
  /** For a new password that is to be mailed: id of the event that will carry it. */
  mailEventId: string | null
}

/** With what the action needs. Its new password is kept until the decision or the expiry. */
export interface PendingApproval extends StoredApproval {
  makerClientId: string
  makerIp: string
  hash: string | null
  sealedPassword: string | null
}

interface NewApproval
  extends Pick<
    PendingApproval,
    | 'id'
    | 'action'
    | 'maker'
    | 'makerOwner'
    | 'makerClientId'
    | 'makerIp'
    | 'reason'
    | 'verified'
    | 'createdAt'
    | 'expiresAt'
    | 'waitingRestoreId'
  > {
  customerId: number | null
  hash: string | null
  sealedPassword: string | null
  mailEventId: string | null
}

/** Parameters of the list. */
export interface PendingQuery {
  limit: number
  offset: number
  /** The customer's id, as the contract names it. */
  clientId?: number
  action?: Action['kind']
}

const expiredForMs = 30 * 24 * 3_600_000

const columns = {
  id: true,
  action: true,
  state: true,
  customer,
  maker: true,
  makerOwner: true,
  reason: true,
  verified: true,
  createdAt: true,
  expiresAt: true,
  decidedBy: true,
  decidedByOwner: true,
  decidedAt: true,
  decisionReason: true,
  mailEventId: true,
  waitingRestoreId: true,
} satisfies Prisma.ApprovalSelect

export const createApprovalStore = (database: Database) => ({
  async add(approval: NewApproval): Promise<void> {
    await database.query((prisma) => prisma.approval.create({ data: approval }))
  },

  find: (id: string): Promise<PendingApproval | undefined> =>
    database.query(async (prisma) => {
      const secrets = { makerClientId: true, makerIp: true, hash: true, sealedPassword: true }
      return (await prisma.approval.findUnique({ where: { id }, select: { ...columns, ...secrets } })) ?? undefined
    }),

  /** A page of pending approvals, the oldest first, and their total: of all, or of one customer or action. */
  listPending: (
    now: Date,
    { limit, offset, clientId: customerId, action }: PendingQuery,
  ): Promise<{ total: number; approvals: StoredApproval[] }> =>
    database.query(async (prisma) => {
      const where = {
        state: 'pending' as const,
        expiresAt: { gt: now },
        ...(customerId !== undefined && { customerId }),
        ...(action !== undefined && { action }),
      }
      const [total, approvals] = await Promise.all([
        prisma.approval.count({ where }),
        prisma.approval.findMany({
          where,
          select: columns,
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
          take: limit,
          skip: offset,
        }),
      ])
      return { total, approvals }
    }),

  /** Decides without carrying out an action. @throws RekeyError already_decided */
  decide: (decision: ApprovalDecision): Promise<void> => database.transaction((tx) => decideApproval(tx, decision)),
})

export type ApprovalStore = ReturnType<typeof createApprovalStore>

/** Deletes the passwords of approvals that expired undecided. */
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

/** Deletes approvals that expired undecided a month ago. Decided ones stay: they record who approved. */
export const deleteExpiredApprovals =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(
      loops,
      { table: 'approval', column: 'expires_at', where: Prisma.sql`state = 'pending'` },
      new Date(now.getTime() - expiredForMs),
      limit,
    )
