import { scrypt as derive, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { checkCost, type HashFormat, malformedHash, UnusableHash } from './hash-format.ts'

const scryptAsync = promisify<string, Buffer, number, object, Buffer>(derive)

const pattern = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{8,})\$([A-Za-z0-9+/]{22,})$/
const maxMemoryBytes = 256 * 1024 * 1024
const maxLanes = 16
const maxOutputBytes = 128

/** scrypt (RFC 7914) as a PHC string. */
export const scrypt: HashFormat = {
  matches: (stored) => stored.startsWith('$scrypt$'),
  parse(stored) {
    const [, ln, r, p, salt, hash] = pattern.exec(stored) ?? []
    if (!ln || !r || !p || !salt || !hash) {
      throw malformedHash('scrypt', stored, '$scrypt$ln=<n>,r=<n>,p=<n>$<salt>$<hash>')
    }
    const options = { cost: 2 ** Number(ln), blockSize: Number(r), parallelization: Number(p) }
    if (options.cost < 2 || options.blockSize < 1 || options.parallelization < 1) {
      throw new UnusableHash('malformed', 'malformed scrypt hash: ln, r and p must be at least 1')
    }
    const memory = 128 * options.cost * options.blockSize
    const expected = Buffer.from(hash, 'base64')
    checkCost('scrypt', [
      ['p', options.parallelization, maxLanes],
      ['memory in bytes', memory * options.parallelization, maxMemoryBytes],
      ['length of the hash in bytes', expected.length, maxOutputBytes],
    ])
    return async (password) => {
      const actual = await scryptAsync(password, Buffer.from(salt, 'base64'), expected.length, {
        ...options,
        // Node's default limit is 32 MiB; the algorithm needs a little more than its large block.
        maxmem: 2 * memory + 1024 * 1024,
      })
      return timingSafeEqual(actual, expected)
    }
  },
}
