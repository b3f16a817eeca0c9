import {
  type Address,
  challengeType,
  type EnrolledMethod,
  enrolledMethods,
  kindOfMethod,
  type PasswordVerifyReply,
  type PasswordVerifyRequest,
  parseUsername,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { signInAddresses } from '../customers/second-channel.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { Account, SignInStore } from './sign-in.store.ts'

interface Deps {
  store: SignInStore
  hasher: Hasher
  /** Position of the username's decoy. */
  decoyOf(address: Address): number
  /** False if no message reaches a phone number. */
  smsCodes: boolean
  now: Now
  log: Logger
}

/** The enrolled methods, as the gateway offers them. */
const methodsOf = ({ factorKinds }: Account): EnrolledMethod[] =>
  enrolledMethods.filter((method) => factorKinds.includes(kindOfMethod[method]))

/** A decoy and a blocked customer cannot sign in; a temporary password expires. */
const maySignIn = ({ named, blocked, temporaryUntil }: Account, now: Date): boolean =>
  named && !blocked && (temporaryUntil === null || temporaryUntil > now)

/**
 * Serves the RPC `password.verify`. It verifies the password against a hash for every username: its duration shows
 * neither whether the username is known nor whether it may sign in (S12, docs/adr/0007).
 */
export const createVerification = ({ store, hasher, decoyOf, smsCodes, now, log }: Deps) => {
  /** Replaces a foreign hash while the password is at hand. A failure does not concern the sign-in. */
  const rehash = async ({ id, code, hash }: Account, password: string) => {
    try {
      await store.rehash(id, hash, await hasher.hash(password))
      log.event('credential_rehashed', { customer: code })
    } catch (err) {
      log.event('credential_not_rehashed', { err, customer: code })
    }
  }

  /** Verifies a username's password. @throws RekeyError unavailable */
  return async ({ username, password }: PasswordVerifyRequest): Promise<PasswordVerifyReply> => {
    hasher.assertRoom()
    const address = parseUsername(username)
    const account = await store.find(address, decoyOf(address))
    const { verified, outdated } = await hasher.verify(account?.hash, password)
    if (!account || !verified || !maySignIn(account, now())) return { verified: false }
    if (outdated) await rehash(account, password)
    return {
      verified: true,
      customer: account.code,
      sessionEpoch: account.sessionEpoch,
      mustChange: account.mustChange,
      devices: [...new Set(signInAddresses(account.addresses, account, now(), { smsCodes }).map(challengeType))],
      ...(account.factorKinds.length > 0 && { methods: methodsOf(account) }),
    }
  }
}
