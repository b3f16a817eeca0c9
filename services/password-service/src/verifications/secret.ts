import { timingSafeEqual } from 'node:crypto'
import { readCode, type VerificationSecret } from '@rekey/contracts'
import { hmac, type Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { wordsFor } from '@rekey/texts/words'

const codeDigits = 6

/** Two different words in the customer's language, and a code (ASVS 6.5.3). A list has 256 words: each byte is one. */
export const newSecret = (random: Random, locale: string): VerificationSecret => {
  const list = wordsFor(locale)
  const draw = () => list[random.bytes(1).readUInt8()] ?? ''
  const first = draw()
  let second = draw()
  while (second === first) second = draw()
  return { words: `${first} ${second}`, code: random.digits(codeDigits) }
}

const textOf = (id: string, code: string) => `${id}.${code}`

/** The stored form of a code: HMAC-SHA-256, bound to its verification. */
export const codeHmac = (keys: Keys, id: string, code: string): string => hmac(keys.current, textOf(id, code))

/** True if the code has this stored form, under the current key or an older one. An integer has lost its leading zeros. */
export const isRightCode = (keys: Keys, id: string, code: string | number, stored: string): boolean => {
  const text = textOf(id, readCode(String(code)).padStart(codeDigits, '0'))
  return keys.all.some((key) => {
    const [given, expected] = [Buffer.from(hmac(key, text)), Buffer.from(stored)]
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}
