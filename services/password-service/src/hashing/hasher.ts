import type { Logger } from '@rekey/platform/logger'
import type { Queue } from '@rekey/platform/queue'
import type { Random } from '@rekey/platform/random'
import { createArgon2, type Pepper } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { type Form, UnusableHash, type Verifier } from './form.ts'
import { pbkdf2 } from './pbkdf2.ts'
import { scrypt } from './scrypt.ts'

interface Deps {
  queue: Queue
  peppers: readonly Pepper[]
  random: Random
  log: Logger
}

interface Verdict {
  verified: boolean
  /** The password is right, and its hash is not as new ones are: hash it again. */
  outdated: boolean
}

export interface Hasher {
  /** Asked before the look-ups for a hash that would be refused. @throws RekeyError unavailable where too many wait already */
  assertRoom(): void
  /**
   * A new hash as a PHC string, with a salt of its own.
   *
   * @throws RekeyError unavailable where too many wait already, or the turn comes too late
   */
  hash(password: string): Promise<string>
  /**
   * Holds a password against a stored hash of any form that we know. Without one, or with one that is of no use, a
   * full hash is computed all the same: that there was nothing to compare must not be measurable (ASVS 6.3.8). A foreign
   * hash takes as long as its own form and cost, until its owner's next success, which rehashes it: where the time could
   * tell whether there is an owner, a username without one needs a hash that stands in (docs/adr/0007).
   *
   * @throws RekeyError unavailable where too many wait already, or the turn comes too late
   */
  verify(stored: string | undefined, password: string): Promise<Verdict>
  /** Why nothing could be verified against a hash that came from elsewhere. Nothing is computed. */
  faultOf(stored: string): UnusableHash | undefined
}

const wrong: Verdict = { verified: false, outdated: false }

/** Password hashes (S17). Text is hashed in NFC, so that one keyboard's "é" is another's (NIST SP 800-63B-4 §3.1.1.2). */
export const createHasher = ({ queue, peppers, random, log }: Deps): Hasher => {
  const argon2 = createArgon2({ peppers, bytes: random.bytes })
  const forms: Form[] = [argon2, bcrypt, scrypt, pbkdf2]

  const read = (stored: string): Verifier => {
    const form = forms.find(({ owns }) => owns(stored))
    if (!form) throw new UnusableHash('unknown_form', 'unknown form of hash')
    return form.read(stored)
  }
  const hold = async (stored: string, password: string): Promise<Verdict> => {
    if (!(await read(stored)(password))) return wrong
    return { verified: true, outdated: !argon2.isCurrent(stored) }
  }
  return {
    assertRoom: queue.assertRoom,
    hash: (password) => queue.run(() => argon2.hash(password.normalize('NFC'))),
    verify: (stored, password) =>
      queue.run(async () => {
        const text = password.normalize('NFC')
        if (stored !== undefined) {
          try {
            return await hold(stored, text)
          } catch (err) {
            if (!(err instanceof UnusableHash)) throw err
            log.error({ reason: err.message }, 'a stored password hash cannot be used')
          }
        }
        await argon2.hash(text)
        return wrong
      }),
    faultOf(stored) {
      try {
        read(stored)
      } catch (err) {
        if (err instanceof UnusableHash) return err
        throw err
      }
    },
  }
}

/** Reads `id:base64url,…`. */
export const parsePeppers = (text = ''): Pepper[] =>
  text
    .split(',')
    .filter(Boolean)
    .map((entry) => {
      const [id = '', key = ''] = entry.split(':')
      return { id, key: Buffer.from(key, 'base64url') }
    })
