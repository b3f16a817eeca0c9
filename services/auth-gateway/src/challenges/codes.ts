import { longestCodeSeconds, readCode } from '@rekey/contracts'
import { hmac, type Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { Type } from '@sinclair/typebox'

/** Variables of confirmation codes: length and life. */
export const codeEnv = {
  REKEY_CODE_DIGITS: Type.Integer({
    minimum: 6,
    maximum: 12,
    default: 6,
    description: 'Digits of a confirmation code.',
  }),
  REKEY_CODE_TTL_SECONDS: Type.Integer({
    minimum: 30,
    maximum: longestCodeSeconds,
    default: 600,
    description: 'Life of a confirmation code, in seconds.',
  }),
}

const verificationCodeDigits = 4

interface Options {
  random: Random
  /** HMAC keys, stored apart from the codes (ASVS 11.2.4). */
  keys: Keys
  digits: number
}

/** Confirmation codes (secret) and verification codes (not secret). */
export const createCodes = ({ random, keys, digits }: Options) => ({
  confirmation: (): string => random.digits(digits),
  verification: (): string => random.digits(verificationCodeDigits),

  /** The stored form of a code: HMAC-SHA-256, bound to its challenge. */
  mac: (challengeId: string, code: string): string => hmac(keys.current, `${challengeId}.${code}`),

  /** The stored form of a code under each key. */
  macs: (challengeId: string, code: string): string[] => keys.all.map((key) => hmac(key, `${challengeId}.${code}`)),

  /** A submitted code as its message has it. An integer has lost its leading zeros, and a form may send one. */
  read: (code: string | number): string => readCode(String(code)).padStart(digits, '0'),
})

export type Codes = ReturnType<typeof createCodes>
