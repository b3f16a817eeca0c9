import type { Logger } from '@rekey/platform/logger'
import type { Queue } from '@rekey/platform/queue'
import type { Random } from '@rekey/platform/random'
import { inSpan } from '@rekey/platform/trace'
import { createArgon2, type HashCost, type Pepper } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { firebaseScrypt } from './firebase-scrypt.ts'
import { type HashFormat, UnusableHash, type Verifier } from './hash-format.ts'
import { pbkdf2 } from './pbkdf2.ts'
import { scrypt } from './scrypt.ts'

interface Deps {
  queue: Queue
  peppers: readonly Pepper[]
  /** Of new hashes. */
  cost: HashCost
  random: Random
  log: Logger
}

interface Verification {
  verified: boolean
  /** True if the password matches, but the hash has other parameters than new ones: store a new hash. */
  outdated: boolean
}

/** The span of a hash, with its wait in the queue. */
const span = (name: string) => ({ name, kind: 'internal' }) as const

const mismatch: Verification = { verified: false, outdated: false }

/**
 * The forms of a password that are compared with a stored hash: ours, NFC, and the password as typed, since another
 * system may have hashed it so. Their number depends on the password alone, never on the account (ASVS 6.3.8).
 */
const formsOf = (password: string): string[] => [...new Set([password.normalize('NFC'), password])]

/**
 * Password hashes (S17). New hashes are of the password in NFC, because keyboards send the same character composed or
 * decomposed (NIST SP 800-63B-4 §3.1.1.2).
 */
export const createHasher = ({ queue, peppers, cost, random, log }: Deps) => {
  const argon2 = createArgon2({ peppers, cost, bytes: random.bytes })
  const formats: HashFormat[] = [argon2, bcrypt, scrypt, pbkdf2, firebaseScrypt]

  const parse = (stored: string): Verifier => {
    const format = formats.find(({ matches }) => matches(stored))
    if (!format) throw new UnusableHash('unknown_form', 'unknown form of hash')
    return format.parse(stored)
  }
  const compare = async (stored: string, password: string): Promise<Verification> => {
    const verify = parse(stored)
    const [ours, ...asTyped] = formsOf(password)
    const isOurs = await verify(ours ?? '')
    let isForeign = false
    // Compared even if the first form matches: the time must not show which one does.
    for (const form of asTyped) isForeign = (await verify(form)) || isForeign
    if (!isOurs && !isForeign) return mismatch
    return { verified: true, outdated: !isOurs || !argon2.isCurrent(stored) }
  }
  const compareOrWaste = async (stored: string | undefined, password: string): Promise<Verification> => {
    if (stored !== undefined) {
      try {
        return await compare(stored, password)
      } catch (err) {
        if (!(err instanceof UnusableHash)) throw err
        log.event('stored_hash_unusable', { reason: err.message })
      }
    }
    for (const form of formsOf(password)) await argon2.hash(form)
    return mismatch
  }
  return {
    /** Refuses a request before its queries if the queue is full. @throws RekeyError unavailable */
    assertRoom: queue.assertRoom,

    /**
     * A new hash as a PHC string, with a new salt.
     *
     * @throws RekeyError unavailable if the queue is full, or if the turn comes too late
     */
    hash: (password: string): Promise<string> =>
      inSpan(span('hash password'), () => queue.run(() => argon2.hash(password.normalize('NFC')))),

    /**
     * Compares a password with a stored hash of any supported format, in NFC and as typed. Without a hash, or with an unusable one, it
     * computes a full hash all the same: the time must not show that there was nothing to compare (ASVS 6.3.8). A
     * foreign hash takes the time of its own format and cost until the next successful sign-in replaces it; therefore
     * an unknown username needs a decoy credential (docs/adr/0007).
     *
     * @throws RekeyError unavailable if the queue is full, or if the turn comes too late
     */
    verify: (stored: string | undefined, password: string): Promise<Verification> =>
      inSpan(span('verify password'), () => queue.run(() => compareOrWaste(stored, password))),

    /** Why no password can be verified against this foreign hash; undefined if it is usable. Computes nothing. */
    findHashError(stored: string): UnusableHash | undefined {
      try {
        parse(stored)
      } catch (err) {
        if (err instanceof UnusableHash) return err
        throw err
      }
    },
  }
}

export type Hasher = ReturnType<typeof createHasher>

/** Parses `id:base64url,…`. */
export const parsePeppers = (text = ''): Pepper[] =>
  text
    .split(',')
    .filter(Boolean)
    .map((entry) => {
      const [id = '', key = ''] = entry.split(':')
      return { id, key: Buffer.from(key, 'base64url') }
    })
