import { createHash } from 'node:crypto'

/** What stands of a text in base64 wherever it is within a longer one: without the characters it shares with others. */
const withinBase64 = (text: string, precedingBytes: number): string => {
  const encoded = Buffer.from('\0'.repeat(precedingBytes) + text).toString('base64url')
  const followingBytes = (3 - ((precedingBytes + Buffer.byteLength(text)) % 3)) % 3
  return encoded.slice(precedingBytes === 0 ? 0 : precedingBytes + 1, followingBytes === 0 ? undefined : -1)
}

/** The ways in which a number of many digits, or any other secret, may stand where it must not. */
const formsOf = (secret: string): string[] => {
  const hashes = ['md5', 'sha1', 'sha256'].flatMap((algorithm) =>
    (['hex', 'base64', 'base64url'] as const).map((form) => createHash(algorithm).update(secret).digest(form)),
  )
  const number = Number(secret)
  return [
    secret,
    ...[0, 1, 2].map((precedingBytes) => withinBase64(secret, precedingBytes)),
    Buffer.from(secret).toString('hex'),
    ...hashes.map((hash) => hash.replaceAll('=', '')),
    // As an integer it loses its leading zeros; short ones would be found by chance.
    ...(/^\d+$/.test(secret) ? [String(number), number.toString(16)].filter((form) => form.length > 8) : []),
  ]
}

/** Whether a secret is in a text, in any form. */
export const isFound = (secret: string, text: string): boolean => formsOf(secret).some((form) => text.includes(form))
