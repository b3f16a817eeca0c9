import { challengeType, type PasswordVerifyReply, type PasswordVerifyRequest, parseUsername } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Hasher } from '../hashing/hasher.ts'
import type { Account, PasswordStore } from './passwords.store.ts'

interface Deps {
  store: PasswordStore
  hasher: Hasher
  now: Now
  log: Logger
}

/** Whether it is this username's password. @throws RekeyError unavailable */
type VerifyPassword = (request: PasswordVerifyRequest) => Promise<PasswordVerifyReply>

/** A blocked customer's password is none, and a temporary one stops at its time. */
const usableHash = (account: Account | undefined, now: Date): string | undefined => {
  if (!account?.hash || account.blocked) return undefined
  if (account.temporaryUntil && account.temporaryUntil <= now) return undefined
  return account.hash
}

/** Answers the mesh question `password.verify`: one full hash for whoever is asked about, known or not (S12). */
export const createVerification = ({ store, hasher, now, log }: Deps): VerifyPassword => {
  /** The password is at hand only now. Whether it succeeds is nobody's concern who signs in. */
  const renew = async ({ id, code }: Account, from: string, password: string) => {
    try {
      await store.rehash(id, from, await hasher.hash(password))
      log.info({ event: 'credential_rehashed', customer: code }, 'foreign password hash replaced by our own')
    } catch (err) {
      log.warn({ err, customer: code }, 'foreign password hash stays for now')
    }
  }

  return async ({ username, password }) => {
    const account = await store.findByAddress(parseUsername(username))
    const hash = usableHash(account, now())
    const { verified, outdated } = await hasher.verify(hash, password)
    if (!account || !hash || !verified) return { verified: false }
    if (outdated) await renew(account, hash, password)
    return {
      verified: true,
      customer: account.code,
      sessionEpoch: account.sessionEpoch,
      mustChange: account.mustChange,
      devices: [...new Set(account.addresses.map(challengeType))],
    }
  }
}
