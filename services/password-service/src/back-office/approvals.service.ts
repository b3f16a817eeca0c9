import { type Approval, formatTime, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import { type Staff, staffForLog } from '../staff/staff.ts'
import type { Action, CarryOut } from './actions.ts'
import type { ApprovalStore, PendingApproval, StoredApproval } from './approvals.store.ts'
import type { Outcome } from './back-office.service.ts'

interface Deps {
  store: ApprovalStore
  carryOut: CarryOut
  now: Now
  random: Random
  log: Logger
}

/** Time for a second person to come by. */
const validForMs = 24 * 3_600_000

const isExpired = ({ state, expiresAt }: StoredApproval, at: Date) => state === 'pending' && expiresAt <= at

const show = (approval: StoredApproval, at: Date): Approval => {
  const { id, action, state, customer, maker, createdAt, expiresAt, decidedBy, decidedAt, mailEventId } = approval
  return {
    id,
    action,
    state: isExpired(approval, at) ? 'expired' : state,
    ...(customer && { clientId: customer.id }),
    ...(action === 'set_password' && { send_mail: mailEventId !== null }),
    maker,
    createTime: formatTime(createdAt),
    expiresAt: formatTime(expiresAt),
    ...(decidedBy !== null && { decidedBy }),
    ...(decidedAt && { decidedAt: formatTime(decidedAt) }),
  }
}

/** What an action leaves to be stored: of a password nothing that could be read. */
const stored = (action: Action) => {
  const password = action.kind === 'set_password' ? action.password : undefined
  return {
    action: action.kind,
    customerId: action.kind === 'reset_all' ? null : action.customer.id,
    hash: password?.hash ?? null,
    sealedPassword: password?.temporary?.sealed ?? null,
    mailEventId: password?.temporary?.eventId ?? null,
  }
}

/** The action as it was asked for. Without its password, or its customer, it has had its day. */
const actionOf = ({ action, customer, hash, sealedPassword, mailEventId }: PendingApproval): Action | undefined => {
  if (action === 'reset_all') return { kind: action }
  if (!customer) return undefined
  if (action === 'reset_password') return { kind: action, customer }
  if (hash === null) return undefined
  const temporary = mailEventId && sealedPassword ? { eventId: mailEventId, sealed: sealedPassword } : undefined
  return { kind: action, customer, password: { hash, temporary } }
}

const refuseDecided = () => new RekeyError('already_decided')

/** Four eyes: what one person of the back office asks for is done when another agrees, once. */
export const createApprovals = ({ store, carryOut, now, random, log }: Deps) => {
  const lineOf = ({ id, action, customer }: Pick<StoredApproval, 'id' | 'action' | 'customer'>, by: Staff) => ({
    approval: id,
    action,
    ...(customer && { customer: customer.code }),
    ...staffForLog(by),
  })

  const found = async (id: string): Promise<PendingApproval> => {
    const approval = await store.find(id)
    if (!approval) throw new RekeyError('not_found', { detail: 'There is no such approval.' })
    return approval
  }

  /** What this person may decide. The decision itself is one conditional write: another may come first. */
  const decidable = async (id: string, by: Staff): Promise<PendingApproval> => {
    const approval = await found(id)
    if (approval.maker === by.id) {
      log.warn({ event: 'back_office_approval_own', ...lineOf(approval, by) }, 'nobody decides on their own wish')
      throw new RekeyError('own_approval')
    }
    if (approval.state !== 'pending' || isExpired(approval, now())) throw refuseDecided()
    return approval
  }

  return {
    /** Keeps an action until another person decides. @throws RekeyError unavailable */
    async request(action: Action, by: Staff): Promise<Outcome> {
      const createdAt = now()
      const expiresAt = new Date(createdAt.getTime() + validForMs)
      const id = random.id()
      const maker = { maker: by.id, makerClientId: by.clientId, makerIp: by.ip }
      await store.add({ ...stored(action), ...maker, id, createdAt, expiresAt })
      const customer = action.kind === 'reset_all' ? null : action.customer
      const line = lineOf({ id, action: action.kind, customer }, by)
      log.info({ event: 'back_office_approval_requested', ...line }, 'waits for a second person')
      return { approval: { approvalId: id, expiresAt: formatTime(expiresAt) } }
    },

    /** What waits, the oldest first. @throws RekeyError unavailable */
    async list(page: { limit: number; offset: number }): Promise<{ total: number; data: Approval[] }> {
      const at = now()
      const { total, approvals } = await store.listPending(at, page)
      return { total, data: approvals.map((approval) => show(approval, at)) }
    },

    /** One, whatever became of it. @throws RekeyError not_found, unavailable */
    async show(id: string): Promise<Approval> {
      return show(await found(id), now())
    },

    /**
     * Carries out what a colleague asked for, in their name. The decision commits with it, so that it is done once.
     *
     * @throws RekeyError not_found, own_approval, already_decided, unavailable
     */
    async approve(id: string, by: Staff): Promise<{ jobId?: string }> {
      const approval = await decidable(id, by)
      const action = actionOf(approval)
      if (!action) throw refuseDecided()
      const decide = async (tx: Transaction) => {
        if (!(await store.decide(tx, id, { state: 'approved', by: by.id, at: now() }))) throw refuseDecided()
      }
      const { maker, makerClientId, makerIp } = approval
      const mandate = { id: maker, clientId: makerClientId, ip: makerIp, approvedBy: by.id }
      const done = await carryOut(action, mandate, decide)
      log.info({ event: 'back_office_approval_approved', maker, ...lineOf(approval, by) }, 'a second person agreed')
      return done
    },

    /** Drops what a colleague asked for. @throws RekeyError not_found, own_approval, already_decided, unavailable */
    async reject(id: string, by: Staff): Promise<void> {
      const approval = await decidable(id, by)
      if (!(await store.decideAlone(id, { state: 'rejected', by: by.id, at: now() }))) throw refuseDecided()
      const { maker } = approval
      log.info({ event: 'back_office_approval_rejected', maker, ...lineOf(approval, by) }, 'a second person refused')
    },
  }
}

export type Approvals = ReturnType<typeof createApprovals>
