import {
  type EventData,
  type LoginSucceeded,
  type SecondProof,
  secondProofKey,
  type Veto,
  WaitingRestoreOpen,
  type WaitingRestoreOpenReply,
  type WaitingRestoreOpenRequest,
  WaitingRestoreVeto,
} from '@rekey/contracts'
import { deriveKeys } from '@rekey/platform/keys'
import { unseal } from '@rekey/platform/seal'
import type { Config } from '../config.ts'
import type { LockedCustomer } from '../customers/lock.ts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import type { AnyTransaction } from '../statements.ts'
import { startDueWaitingRestores } from './due-waiting-restores.ts'
import type { Ended } from './end-waiting-restore.ts'
import { createListWaitingRestores } from './list-waiting-restores.ts'
import { openWaitingRestore } from './open-waiting-restore.ts'
import { createSignInsSeen, type SignInsSeen } from './sign-ins-seen.ts'
import { vetoByLink, vetoBySignIn, vetoOfCustomer } from './veto.ts'
import { createWaitingMetrics } from './waiting-restore-metrics.ts'
import { waitingRestoreRoutes } from './waiting-restores.routes.ts'
import { deleteFinishedRestores } from './waiting-restores.store.ts'
import type { WaitingDeps } from './waiting-restores.ts'

export interface WaitingRestoresFeature extends Feature {
  deps: WaitingDeps
  /** Vetoes the restore of a locked customer. The caller adds the events, and reports after its commit. */
  veto(tx: AnyTransaction, customer: LockedCustomer, by: Veto): Promise<Ended | undefined>
  /** A customer signed in. Safe to repeat. @throws RekeyError unavailable */
  signedIn(login: EventData<typeof LoginSucceeded>, at: Date): Promise<void>
  /** Waits until all sign-ins of a customer by now have vetoed. @throws RekeyError unavailable */
  signInsSeen: SignInsSeen
}

/** Restores of customers who can give one proof of two: they wait, and can be vetoed (S53, S58). */
export const createWaitingRestores = (
  infra: Infrastructure,
  config: Config,
  { lockout }: { lockout: LockoutFeature },
): WaitingRestoresFeature => {
  const { keys, now, log } = infra
  const deps: WaitingDeps = {
    ...infra,
    waitMs: config.REKEY_SOLO_RESTORE_WAIT_HOURS * 3_600_000,
    newAddressMs: config.REKEY_NEW_ADDRESS_HOURS * 3_600_000,
    lockoutScale: lockout.scale,
    failuresSeen: lockout.failuresSeen,
    waitingMetrics: createWaitingMetrics(infra.metrics),
  }
  const due = startDueWaitingRestores({ ...infra, ...deps })
  const sealKeys = deriveKeys(keys.username, secondProofKey)

  const read = async (token: string): Promise<SecondProof | undefined> => {
    const proof = await unseal<SecondProof>(sealKeys, secondProofKey, token).catch(() => undefined)
    return proof && proof.expiresAt > now().getTime() ? proof : undefined
  }

  const signedIn = (login: EventData<typeof LoginSucceeded>, at: Date) => vetoBySignIn(deps, login, at)

  /** @throws RekeyError unavailable */
  const open = async ({ mfaToken, ip }: WaitingRestoreOpenRequest): Promise<WaitingRestoreOpenReply> => {
    const proof = await read(mfaToken)
    const reply = proof
      ? await openWaitingRestore(deps, proof, ip)
      : { waits: false as const, reason: 'grant' as const }
    if (!reply.waits) {
      const customer = proof && { customer: proof.customer }
      log.event('authn_restore_waiting_fail', { ...customer, address: ip, reason: reply.reason })
    }
    return reply
  }

  return {
    deps,
    veto: (tx, customer, by) => vetoOfCustomer(deps, tx, customer, by),
    signedIn,
    signInsSeen: createSignInsSeen({ ...infra, signedIn }),
    routes: (app) => waitingRestoreRoutes(app, createListWaitingRestores(infra)),
    rpcs: [
      { rpc: WaitingRestoreOpen, answer: open },
      { rpc: WaitingRestoreVeto, answer: async ({ token, ip }) => ({ result: await vetoByLink(deps, token, ip) }) },
    ],
    deletions: { 'waiting restores': deleteFinishedRestores(infra.loops) },
    close: due.close,
  }
}
