import { hash, type ParsedHashOptions, parseOptions, verify } from '@node-rs/argon2'
import { type Form, UnusableHash } from './form.ts'

/** A secret that is mixed into hashes and kept outside the database; hashes name it by its id. */
export interface Pepper {
  id: string
  key: Buffer
}

/** S17, ASVS Appendix C: argon2id, 19 MiB, two passes, one lane. The library's own defaults, but not to be left to it. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const parameters = `m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}`
const saltBytes = 16

/** What a foreign hash may ask for: 256 MiB, and no more than twenty times the work of our own. */
const bounds = { memoryCost: 262_144, parallelism: 16, work: 20 * cost.memoryCost * cost.timeCost }

/** PHC string format: the parameter `keyid` is base64 without padding. */
const toKeyId = (id: string) => Buffer.from(id).toString('base64').replaceAll('=', '')
const keyIdPattern = /,keyid=([A-Za-z0-9+/]{1,12})(?=[,$])/

const parse = (stored: string): ParsedHashOptions => {
  try {
    return parseOptions(stored)
  } catch {
    throw new UnusableHash('malformed', 'malformed argon2 hash')
  }
}

interface Deps {
  /** The first is for new hashes. */
  peppers: readonly Pepper[]
  bytes(count: number): Buffer
}

/** Argon2 (RFC 9106): our own hashes, and those of any other argon2 that came from elsewhere. */
export const createArgon2 = ({ peppers, bytes }: Deps) => {
  const [pepper] = peppers
  const ours = pepper ? `${parameters},keyid=${toKeyId(pepper.id)}` : parameters
  const prefix = `$argon2id$v=19$${ours}$`

  const secretOf = (stored: string): Buffer | undefined => {
    const keyId = keyIdPattern.exec(stored)?.[1]
    if (!keyId) return undefined
    const named = peppers.find(({ id }) => toKeyId(id) === keyId)
    if (!named) throw new UnusableHash('unknown_pepper', 'the hash names a pepper that is not configured')
    return named.key
  }

  const form: Form = {
    owns: (stored) => stored.startsWith('$argon2'),
    read(stored) {
      const secret = secretOf(stored)
      const plain = stored.replace(keyIdPattern, '')
      const { memoryCost, timeCost, parallelism, outputLen } = parse(plain)
      if (outputLen < 16) throw new UnusableHash('malformed', 'argon2 hash is too short')
      if (memoryCost > bounds.memoryCost || parallelism > bounds.parallelism || memoryCost * timeCost > bounds.work) {
        throw new UnusableHash('too_costly', 'argon2 parameters are out of bounds')
      }
      return (password) => verify(plain, password, secret && { secret })
    },
  }
  return {
    ...form,
    /** Whether a hash is as new ones are. */
    isCurrent: (stored: string): boolean => stored.startsWith(prefix),
    async hash(password: string): Promise<string> {
      const made = await hash(password, { ...cost, salt: bytes(saltBytes), ...(pepper && { secret: pepper.key }) })
      return made.replace(`$${parameters}$`, `$${ours}$`)
    },
  }
}
