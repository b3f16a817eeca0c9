import { createHmac, type KeyObject } from 'node:crypto'
import type { Random } from '@rekey/platform/random'

interface Options {
  random: Random
  /** HMAC key that is kept away from the codes' store (ASVS 11.2.4). */
  key: KeyObject
  digits: number
}

/** Confirmation codes (the secret) and verification codes (shown to the person; not secret). */
export const createCodes = ({ random, key, digits }: Options) => ({
  confirmation: (): string => random.digits(digits),
  verification: (): string => random.digits(4),

  /** What is stored of a code: HMAC-SHA-256, bound to its challenge. */
  mac: (challengeId: string, code: string): string =>
    createHmac('sha256', key).update(`${challengeId}.${code}`).digest('base64url'),

  /** A code as it was sent: an integer has lost its leading zeros. */
  read: (code: string | number): string => (typeof code === 'number' ? String(code).padStart(digits, '0') : code),
})

export type Codes = ReturnType<typeof createCodes>
