import {
  type Address,
  challengeType,
  type PasswordVerifyReply,
  type PasswordVerifyRequest,
  parseUsername,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Hasher } from '../hashing/hasher.ts'
import type { Account, PasswordStore } from './passwords.store.ts'

interface Deps {
  store: PasswordStore
  hasher: Hasher
  /** Where the username falls among the lots of credentials. */
  lotOf(address: Address): number
  now: Now
  log: Logger
}

/** Whether it is this username's password. @throws RekeyError unavailable */
type VerifyPassword = (request: PasswordVerifyRequest) => Promise<PasswordVerifyReply>

/** A stand-in's password is nobody's, a blocked customer's none, and a temporary one stops at its time. */
const maySignIn = ({ named, blocked, temporaryUntil }: Account, now: Date): boolean =>
  named && !blocked && (temporaryUntil === null || temporaryUntil > now)

/**
 * Answers the mesh question `password.verify`. The password is held against some customer's hash, whoever is asked
 * about: time tells neither whether the username is known nor whether it may sign in (S12, docs/adr/0007).
 */
export const createVerification = ({ store, hasher, lotOf, now, log }: Deps): VerifyPassword => {
  /** The password is at hand only now. Whether it succeeds is nobody's concern who signs in. */
  const renew = async ({ id, code, hash }: Account, password: string) => {
    try {
      await store.rehash(id, hash, await hasher.hash(password))
      log.info({ event: 'credential_rehashed', customer: code }, 'foreign password hash replaced by our own')
    } catch (err) {
      log.warn({ err, customer: code }, 'foreign password hash stays for now')
    }
  }

  return async ({ username, password }) => {
    hasher.assertRoom()
    const address = parseUsername(username)
    const account = await store.findForSignIn(address, lotOf(address))
    const { verified, outdated } = await hasher.verify(account?.hash, password)
    if (!account || !verified || !maySignIn(account, now())) return { verified: false }
    if (outdated) await renew(account, password)
    return {
      verified: true,
      customer: account.code,
      sessionEpoch: account.sessionEpoch,
      mustChange: account.mustChange,
      devices: [...new Set((account.addresses ?? []).map(challengeType))],
    }
  }
}
