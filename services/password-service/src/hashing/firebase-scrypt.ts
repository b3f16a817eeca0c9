import { createCipheriv, scrypt as derive, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { checkCost, type HashFormat, UnusableHash } from './hash-format.ts'

const scryptAsync = promisify<string, Buffer, number, object, Buffer>(derive)

const pattern =
  /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3}),ss=([A-Za-z0-9+/]*),sk=([A-Za-z0-9+/]{22,})\$([A-Za-z0-9+/]{8,})\$([A-Za-z0-9+/]{22,})$/
const form = '$fbscrypt$v=1,n=<n>,r=<n>,p=<n>,ss=<salt separator>,sk=<signer key>$<salt>$<hash>'
const maxMemoryBytes = 256 * 1024 * 1024

/**
 * The scrypt of Firebase Authentication, as Supabase Auth writes it: scrypt of the password gives a key of AES-256-CTR,
 * which encrypts the project's signer key. It contains the signer key, so it must be kept like one.
 */
export const firebaseScrypt: HashFormat = {
  matches: (stored) => stored.startsWith('$fbscrypt$'),
  parse(stored) {
    const [, n, r, p, separator = '', signerKey, salt, hash] = pattern.exec(stored) ?? []
    if (!signerKey || !salt || !hash) {
      throw new UnusableHash('malformed', `malformed fbscrypt hash: it must have the form ${form}`)
    }
    const cost = { cost: 2 ** Number(n), blockSize: Number(r), parallelization: Number(p) }
    if (cost.cost < 2 || cost.blockSize < 1 || cost.parallelization < 1) {
      throw new UnusableHash('malformed', 'malformed fbscrypt hash: n, r and p must be at least 1')
    }
    const memory = 128 * cost.cost * cost.blockSize
    checkCost('fbscrypt', [
      ['p', cost.parallelization, 16],
      ['memory in bytes', memory * cost.parallelization, maxMemoryBytes],
    ])
    const wholeSalt = Buffer.concat([Buffer.from(salt, 'base64'), Buffer.from(separator, 'base64')])
    const key = Buffer.from(signerKey, 'base64')
    const expected = Buffer.from(hash, 'base64')
    return async (password) => {
      const derived = await scryptAsync(password, wholeSalt, 32, { ...cost, maxmem: 2 * memory + 1024 * 1024 })
      const cipher = createCipheriv('aes-256-ctr', derived, Buffer.alloc(16))
      const actual = Buffer.concat([cipher.update(key), cipher.final()])
      return actual.length === expected.length && timingSafeEqual(actual, expected)
    }
  },
}
