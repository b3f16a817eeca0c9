import { type LogEventValues, missingField, RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Hasher } from '../hashing/hasher.ts'
import type { Policy } from '../policy/policy.ts'
import { isSessionEnded } from '../sessions/sessions.store.ts'
import { type PreparedPassword, preparePassword, refuseCurrentPassword } from './credential.ts'
import { type Grant, refuseGrant, toGrant } from './grant.ts'
import type { GrantHolder, PasswordOwnerStore } from './password-owners.store.ts'
import { ProofsOutdated, type ReplaceDeps, replacePassword } from './replace-password.ts'
import type { EnoughProofs } from './second-proof.ts'
import { makeTemporaryPassword } from './temporary-password.ts'

interface Deps extends ReplaceDeps {
  /** Waits until all wrong codes that were answered by now are counted. @throws RekeyError unavailable */
  failuresSeen(): Promise<void>
  /** Waits until all sign-ins of a customer by now have vetoed a waiting restore. @throws RekeyError unavailable */
  signInsSeen(customer: string): Promise<void>
  store: PasswordOwnerStore
  policy: Policy
  hasher: Hasher
  requireCurrentPassword: boolean
  /** Code points of a new password, at least. */
  minLength: number
  log: Logger
}

interface Request {
  /** Claims of the success token, if it is valid and for this audience. */
  grant: TokenClaims | undefined
  /** Address the request came from. */
  ip: string
  /** The client-asserted IP. */
  claimedIp?: string | undefined
}

/** The log events of each operation. */
const eventsOf = {
  change: { done: 'authn_password_change', failed: 'authn_password_change_fail' },
  restore: { done: 'authn_password_restore', failed: 'authn_password_restore_fail' },
  reset: { done: 'authn_temporary_password_issued', failed: 'authn_temporary_password_fail' },
} as const

/** The metric's reason of each operation. */
const changeReasons = { change: 'change', restore: 'restore', reset: 'temporary' } as const

/** Checks that the holder of a valid grant may use it. @throws RekeyError success_token_refused */
const assertMayUse = (found: GrantHolder | undefined, sessionEnded: boolean): GrantHolder => {
  if (!found) throw refuseGrant('customer unknown')
  if (found.blocked) throw refuseGrant('customer blocked')
  if (found.spent) throw refuseGrant('spent')
  if (sessionEnded) throw refuseGrant('session ended')
  return found
}

/** The reason of a refusal for the log, without values of the request. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof RekeyError)) return 'internal'
  const { code, cause, fields } = error
  if (code === 'success_token_refused' && cause instanceof Error) return cause.message
  return code === 'password_refused' ? `${code}: ${fields?.map((field) => field.code).join(', ')}` : code
}

/**
 * A customer's new password. The order of the checks is a rule: the grant first, so that the policy answers only to those
 * who have one (S14); then the checks that cost nothing; then leaked and former passwords; then the hash. Only a commit
 * spends the grant.
 */
export const createPasswordService = (deps: Deps) => {
  const {
    database,
    failuresSeen,
    signInsSeen,
    store,
    policy,
    hasher,
    requireCurrentPassword,
    minLength,
    passwordMetrics,
    random,
    secondProofs,
    log,
  } = deps

  const findHolder = async (find: (grant: Grant) => Promise<GrantHolder | undefined>, grant: Grant) => {
    const [found, ended] = await Promise.all([find(grant), isSessionEnded(database, grant.claims)])
    return assertMayUse(found, ended)
  }

  /** Verifies the current password, if it was sent. @returns the hash that it was verified against */
  const verifyCurrent = async ({ hash }: GrantHolder, currentPassword: string | undefined) => {
    if (currentPassword === undefined) {
      if (requireCurrentPassword) throw missingField('currentPassword')
      return undefined
    }
    const { verified } = await hasher.verify(hash ?? undefined, currentPassword)
    if (!hash || !verified) throw refuseCurrentPassword()
    return hash
  }

  /**
   * Refuses a grant with too few proofs, before the password is looked at: nothing is spent (S53).
   *
   * @returns why the proofs are enough
   * @throws RekeyError second_proof_required
   */
  const assertProven = async (holder: GrantHolder, grant: Grant): Promise<EnoughProofs> => {
    const basis = secondProofs.basisOf(grant, holder, holder.restoreKind)
    if (basis === 'too_few') throw await secondProofs.refuse(grant, holder, holder.restoreKind)
    return basis
  }

  /** Replaces the password. A method that the customer gained since the check asks for a second proof as well. */
  const replaceProven = async (holder: GrantHolder, request: Parameters<typeof replacePassword>[1]) => {
    try {
      return await replacePassword(deps, request)
    } catch (error) {
      if (!(error instanceof ProofsOutdated) || !request.grant) throw error
      throw await secondProofs.refuse(request.grant, { ...error.standing, code: holder.code }, holder.restoreKind)
    }
  }

  /** Runs an operation and logs its outcome. `work` names the customer as soon as it is found. */
  const logged = async (
    operation: keyof typeof eventsOf,
    { grant, ip, claimedIp }: Request,
    bearer: TokenClaims | undefined,
    work: (foundCustomer: (code: string) => void) => ReturnType<typeof replacePassword>,
  ) => {
    const fields: LogEventValues<'authn_password_change'> = {
      challenge: grant?.challenge_id === undefined ? undefined : hashForLog(grant.challenge_id),
      customer: bearer?.sub,
      actor: 'client',
      clientId: bearer?.client_id ?? grant?.client_id,
      address: ip,
      ...(claimedIp !== undefined && { claimedIp }),
      channel: 'api',
    }
    const { done, failed } = eventsOf[operation]
    try {
      await passwordMetrics.replacing(changeReasons[operation], () =>
        work((code) => {
          fields.customer = code
        }),
      )
      log.event(done, fields)
    } catch (error) {
      log.event(failed, { reason: reasonOf(error), ...fields })
      throw error
    }
  }

  /** Replaces a forgotten password. `begin` runs as soon as the grant is verified, before its holder is looked up. */
  const replaceForgotten = (
    operation: 'restore' | 'reset',
    request: Request,
    begin: () => (holder: GrantHolder) => Promise<PreparedPassword>,
  ) =>
    logged(operation, request, undefined, async (foundCustomer) => {
      const grant = toGrant(request.grant, 'restore')
      hasher.assertRoom()
      const prepare = begin()
      const holder = await findHolder(store.findForRestore, grant)
      foundCustomer(holder.code)
      const basis = await assertProven(holder, grant)
      // Beside the hash, which takes longer. From here on no wrong code that its sender knows of is missing (S42), and, if
      // the restore has waited, no sign-in that was completed before: it vetoes (S58).
      const [password] = await Promise.all([
        prepare(holder),
        failuresSeen(),
        basis === 'waited' ? signInsSeen(holder.code) : undefined,
      ])
      const by = { clientId: grant.clientId, ip: request.ip }
      return replaceProven(holder, { customerId: holder.id, password, operation, by, grant, basis })
    })

  return {
    /**
     * The signed-in customer changes the password (B1).
     *
     * @throws RekeyError success_token_refused, second_proof_required, password_refused, invalid_request,
     * current_password_wrong, invalid_token, unavailable
     */
    change: ({
      bearer,
      password,
      currentPassword,
      ...request
    }: Request & { bearer: TokenClaims; password: string; currentPassword?: string | undefined }): Promise<void> =>
      logged('change', request, bearer, async (foundCustomer) => {
        const grant = toGrant(request.grant, 'change', bearer.sub)
        hasher.assertRoom()
        const candidate = policy.startCheck(password)
        const holder = await findHolder(store.findForChange, grant)
        foundCustomer(holder.code)
        await assertProven(holder, grant)
        candidate.assertNotGuessable(holder)
        const verifiedHash = await verifyCurrent(holder, currentPassword)
        await candidate.assertNotLeakedOrReused(holder)
        return replaceProven(holder, {
          customerId: holder.id,
          password: await preparePassword(deps, password, { isTemporary: false }),
          operation: 'change',
          by: { id: bearer.sub, clientId: bearer.client_id, ip: request.ip },
          grant,
          bearer,
          verifiedHash,
        })
      }),

    /**
     * The holder of a restore's grant sets a new password (B2, and A3 with a password).
     *
     * @throws RekeyError success_token_refused, second_proof_required, password_refused, unavailable
     */
    restore: ({ password, ...request }: Request & { password: string }): Promise<void> =>
      replaceForgotten('restore', request, () => {
        const candidate = policy.startCheck(password)
        return async (holder) => {
          candidate.assertNotGuessable(holder)
          await candidate.assertNotLeakedOrReused(holder)
          return preparePassword(deps, password, { isTemporary: false })
        }
      }),

    /**
     * Replaces the password by a temporary one, which is sent to the customer (A3 without a password). The old one stops
     * working at once; the new one works for one sign-in within a day and must then be changed.
     *
     * @throws RekeyError success_token_refused, second_proof_required, unavailable
     */
    issueTemporary: (request: Request): Promise<void> =>
      replaceForgotten('reset', request, () => async ({ addresses }) => {
        // The customer may have lost the address that received the code.
        if (addresses.length === 0) throw refuseGrant('no confirmed address')
        return preparePassword(deps, makeTemporaryPassword(random, minLength), {
          isTemporary: true,
          isMailed: true,
        })
      }),
  }
}

export type PasswordService = ReturnType<typeof createPasswordService>
