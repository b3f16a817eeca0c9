import { pbkdf2 as derive, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { checkCost, type HashFormat, malformedHash } from './hash-format.ts'

const pbkdf2Async = promisify(derive)

/** PHC (`$i=29000,l=32$`) or passlib's format (`$29000$`, base64 with `.` instead of `+`). */
const pattern =
  /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=(\d{1,8})(?:,l=\d{1,3})?|(\d{1,8}))\$([A-Za-z0-9+/.]{8,})\$([A-Za-z0-9+/.]{22,})$/
const maxIterations = 2_000_000
const maxOutputBytes = 128

const fromBase64 = (text: string) => Buffer.from(text.replaceAll('.', '+'), 'base64')

/** PBKDF2 (RFC 8018 §5.2). Passlib omits the digest from the name for SHA-1. */
export const pbkdf2: HashFormat = {
  matches: (stored) => /^\$pbkdf2[-$]/.test(stored),
  parse(stored) {
    const [, digest = 'sha1', phc, passlib, salt, hash] = pattern.exec(stored) ?? []
    const iterations = Number(phc ?? passlib)
    if (!salt || !hash || iterations < 1) {
      throw malformedHash('pbkdf2', stored, '$pbkdf2-<sha1|sha256|sha512>$i=<n>$<salt>$<hash>')
    }
    const expected = fromBase64(hash)
    checkCost('pbkdf2', [
      ['the number of iterations', iterations, maxIterations],
      ['the length of the hash in bytes', expected.length, maxOutputBytes],
    ])
    return async (password) =>
      timingSafeEqual(await pbkdf2Async(password, fromBase64(salt), iterations, expected.length, digest), expected)
  },
}
