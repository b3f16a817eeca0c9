import {
  type Approval,
  type ApprovalNeeded,
  formatTime,
  maskAddress,
  noSuchResource,
  RekeyError,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import type { ProofRule } from '../staff/customer-proof.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Staff, staffForLog } from '../staff/staff.ts'
import type { Action, CarryOut } from './actions.ts'
import type { ApprovalStore, PendingApproval, PendingQuery, StoredApproval } from './approvals.store.ts'

interface Deps extends ProofRule {
  store: ApprovalStore
  carryOut: CarryOut
  now: Now
  random: Random
  log: Logger
}

/** An approval must be decided within this time. */
const validForMs = 24 * 3_600_000

const isExpired = ({ state, expiresAt }: StoredApproval, at: Date) => state === 'pending' && expiresAt <= at

const toApproval = (approval: StoredApproval, at: Date, { staffNeedsProof }: ProofRule): Approval => {
  const { id, action, state, customer, reason, verified, maker, makerOwner, createdAt, expiresAt, mailEventId } =
    approval
  const { decidedBy, decidedByOwner, decidedAt, decisionReason, waitingRestoreId } = approval
  return {
    id,
    action,
    state: isExpired(approval, at) ? 'expired' : state,
    ...(customer && {
      clientId: customer.id,
      customer: customer.code,
      addresses: customer.identifiers.map(maskAddress),
    }),
    ...(reason !== null && { reason }),
    ...(customer && (staffNeedsProof || action === 'end_wait') && { verified }),
    ...(waitingRestoreId !== null && { waitingRestoreId }),
    ...(action === 'set_password' && { send_mail: mailEventId !== null }),
    maker,
    ...(makerOwner !== null && { makerOwner }),
    createTime: formatTime(createdAt),
    expiresAt: formatTime(expiresAt),
    ...(decidedBy !== null && { decidedBy }),
    ...(decidedByOwner !== null && { decidedByOwner }),
    ...(decidedAt && { decidedAt: formatTime(decidedAt) }),
    ...(decisionReason !== null && { decisionReason }),
  }
}

/** The columns of an action. A password is stored as its hash and, to be mailed, sealed for the notifier. */
const toColumns = (action: Action) => {
  const password = action.kind === 'set_password' ? action.password : undefined
  return {
    action: action.kind,
    customerId: action.kind === 'reset_all' ? null : action.customer.id,
    hash: password?.hash ?? null,
    sealedPassword: password?.mailed?.sealed ?? null,
    mailEventId: password?.mailed?.eventId ?? null,
    waitingRestoreId: action.kind === 'end_wait' ? action.waitingRestoreId : null,
  }
}

/** The action as it was requested; undefined if its password has been deleted. */
const toAction = (approval: PendingApproval): Action | undefined => {
  const { action, customer, hash, sealedPassword, mailEventId, waitingRestoreId } = approval
  if (action === 'reset_all') return { kind: action }
  if (!customer) return undefined
  if (action === 'end_wait') {
    return waitingRestoreId === null ? undefined : { kind: action, customer, waitingRestoreId }
  }
  if (action !== 'set_password') return { kind: action, customer }
  if (hash === null) return undefined
  const mailed = mailEventId && sealedPassword ? { eventId: mailEventId, sealed: sealedPassword } : undefined
  return { kind: action, customer, password: { hash, isTemporary: true, mailed } }
}

/** The person whom a member's token stands for. @throws RekeyError owner_unknown */
const ownerOf = ({ owner }: Staff): string => {
  if (owner === undefined) throw new RekeyError('owner_unknown')
  return owner
}

/** Four eyes: an action that one member of staff requests is carried out once another approves it. */
export const createApprovals = ({ store, carryOut, staffNeedsProof, now, random, log }: Deps) => {
  const rule = { staffNeedsProof }
  const logFields = (
    { id, action, customer }: Pick<StoredApproval, 'id' | 'action'> & { customer: { code: string } | null },
    by: Staff,
  ) => ({
    approval: id,
    action,
    ...(customer && { customer: customer.code }),
    ...staffForLog(by),
  })

  const find = async (id: string): Promise<PendingApproval> => {
    const approval = await store.find(id)
    if (!approval) throw noSuchResource('approvalId')
    return approval
  }

  /**
   * Finds an approval that this member may decide: another owner than the maker's. Another may still decide it first:
   * `decideApproval` checks again.
   */
  const findDecidable = async (id: string, by: Staff): Promise<PendingApproval> => {
    const owner = ownerOf(by)
    const approval = await find(id)
    if (approval.maker === by.id || approval.makerOwner === owner) {
      log.event('back_office_approval_own', logFields(approval, by))
      throw new RekeyError('own_approval')
    }
    if (approval.state !== 'pending' || isExpired(approval, now())) throw new RekeyError('already_decided')
    return approval
  }

  const decisionOf = (
    { id, createdAt: requestedAt, verified }: PendingApproval,
    state: ApprovalDecision['state'],
    by: Staff,
  ): ApprovalDecision => ({
    id,
    state,
    requestedAt,
    verified,
    by: by.id,
    owner: ownerOf(by),
    at: now(),
    reason: by.reason,
  })

  return {
    /**
     * Stores an action until another owner decides. `verified`: its maker has verified the customer.
     *
     * @throws RekeyError owner_unknown, unavailable
     */
    async request(action: Action, by: Staff, verified: boolean): Promise<{ approval: ApprovalNeeded }> {
      const makerOwner = ownerOf(by)
      const createdAt = now()
      const expiresAt = new Date(createdAt.getTime() + validForMs)
      const id = random.id()
      const maker = { maker: by.id, makerOwner, makerClientId: by.clientId, makerIp: by.ip }
      await store.add({ ...toColumns(action), ...maker, id, reason: by.reason ?? null, verified, createdAt, expiresAt })
      const customer = action.kind === 'reset_all' ? null : action.customer
      const fields = logFields({ id, action: action.kind, customer }, by)
      log.event('back_office_approval_requested', fields)
      return { approval: { approvalId: id, expiresAt: formatTime(expiresAt) } }
    },

    /** Pending approvals, the oldest first. @throws RekeyError unavailable */
    async list(query: PendingQuery): Promise<{ total: number; data: Approval[] }> {
      const at = now()
      const { total, approvals } = await store.listPending(at, query)
      return { total, data: approvals.map((approval) => toApproval(approval, at, rule)) }
    },

    /** One approval in any state. @throws RekeyError not_found, unavailable */
    async show(id: string): Promise<Approval> {
      return toApproval(await find(id), now(), rule)
    },

    /**
     * Approves an action and carries it out in the maker's name. Both commit together, so that it is carried out once.
     *
     * @throws RekeyError not_found, owner_unknown, own_approval, already_decided, unavailable, and those of the action
     */
    async approve(id: string, by: Staff): Promise<{ jobId?: string }> {
      const approval = await findDecidable(id, by)
      const action = toAction(approval)
      if (!action) throw new RekeyError('already_decided')
      const { maker, makerOwner, makerClientId, makerIp } = approval
      // Requested by an earlier version: whether the maker is another person is unknown.
      if (makerOwner === null) throw new RekeyError('owner_unknown')
      const reason = approval.reason ?? undefined
      const mandate = { id: maker, clientId: makerClientId, ip: makerIp, reason, approvedBy: by.id }
      const outcome = await carryOut(action, mandate, decisionOf(approval, 'approved', by))
      log.event('back_office_approval_approved', { maker, ...logFields(approval, by) })
      return outcome
    },

    /** Rejects an action. @throws RekeyError not_found, owner_unknown, own_approval, already_decided, unavailable */
    async reject(id: string, by: Staff): Promise<void> {
      const approval = await findDecidable(id, by)
      await store.decide(decisionOf(approval, 'rejected', by))
      log.event('back_office_approval_rejected', { maker: approval.maker, ...logFields(approval, by) })
    },
  }
}

export type Approvals = ReturnType<typeof createApprovals>
