import { hash, type ParsedHashOptions, parseOptions, verify } from '@node-rs/argon2'
import { checkCost, type HashFormat, malformedHash, UnusableHash } from './hash-format.ts'

/** A secret that is mixed into hashes and stored outside the database; a hash contains the pepper's id. */
export interface Pepper {
  id: string
  key: Buffer
}

/** Cost of a new hash. */
export interface HashCost {
  memoryKib: number
  passes: number
}

/** S17, ASVS Appendix C: the least cost that production allows, with one lane. */
export const argon2Floor: HashCost = { memoryKib: 19_456, passes: 2 }
const saltBytes = 16

/** Upper bounds for a foreign hash: 256 MiB, and twenty times the least work of a new hash. */
const bounds = { memoryCost: 262_144, parallelism: 16, work: 20 * argon2Floor.memoryKib * argon2Floor.passes }

/** PHC string format: the parameter `keyid` is base64 without padding. */
const toKeyId = (id: string) => Buffer.from(id).toString('base64').replaceAll('=', '')
const keyIdPattern = /,keyid=([A-Za-z0-9+/]{1,12})(?=[,$])/

/** Unlike the other formats, argon2 has its version between the algorithm and the parameters. */
const argon2Error = (stored: string) =>
  malformedHash('argon2', stored.replace(/[$]v=\d+(?=[$])/, ''), '$argon2id$v=19$m=<KiB>,t=<n>,p=<n>$<salt>$<hash>')

const parse = (stored: string): ParsedHashOptions => {
  try {
    return parseOptions(stored)
  } catch {
    throw argon2Error(stored)
  }
}

interface Deps {
  /** New hashes use the first. */
  peppers: readonly Pepper[]
  cost: HashCost
  bytes(count: number): Buffer
}

/** Argon2 (RFC 9106): makes new hashes, and verifies those of other systems too. */
export const createArgon2 = ({ peppers, cost, bytes }: Deps) => {
  // All parameters are given, because the library's defaults may change.
  const options = { memoryCost: cost.memoryKib, timeCost: cost.passes, parallelism: 1 }
  const parameters = `m=${options.memoryCost},t=${options.timeCost},p=${options.parallelism}`
  const [pepper] = peppers
  const newParameters = pepper ? `${parameters},keyid=${toKeyId(pepper.id)}` : parameters
  const prefix = `$argon2id$v=19$${newParameters}$`

  const secretOf = (stored: string): Buffer | undefined => {
    const keyId = keyIdPattern.exec(stored)?.[1]
    if (!keyId) return undefined
    const named = peppers.find(({ id }) => toKeyId(id) === keyId)
    if (!named) throw new UnusableHash('unknown_pepper', 'the hash names a pepper that is not configured')
    return named.key
  }

  const format: HashFormat = {
    matches: (stored) => stored.startsWith('$argon2'),
    parse(stored) {
      const secret = secretOf(stored)
      const withoutKeyId = stored.replace(keyIdPattern, '')
      const { memoryCost, timeCost, parallelism, outputLen } = parse(withoutKeyId)
      if (outputLen < 16)
        throw new UnusableHash('malformed', 'malformed argon2 hash: the hash is shorter than 16 bytes')
      checkCost('argon2', [
        ['m', memoryCost, bounds.memoryCost],
        ['p', parallelism, bounds.parallelism],
        ['m × t', memoryCost * timeCost, bounds.work],
      ])
      return (password) => verify(withoutKeyId, password, secret && { secret })
    },
  }
  return {
    ...format,
    /** True if the hash has the algorithm, parameters and pepper of new hashes. */
    isCurrent: (stored: string): boolean => stored.startsWith(prefix),
    async hash(password: string): Promise<string> {
      const made = await hash(password, { ...options, salt: bytes(saltBytes), ...(pepper && { secret: pepper.key }) })
      return made.replace(`$${parameters}$`, `$${newParameters}$`)
    },
  }
}
