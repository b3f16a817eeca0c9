import { createHash } from 'node:crypto'

/** The part of a text's base64 that is the same in any longer text: without characters that encode neighbours too. */
const withinBase64 = (text: string, precedingBytes: number): string => {
  const encoded = Buffer.from('\0'.repeat(precedingBytes) + text).toString('base64url')
  const followingBytes = (3 - ((precedingBytes + Buffer.byteLength(text)) % 3)) % 3
  return encoded.slice(precedingBytes === 0 ? 0 : precedingBytes + 1, followingBytes === 0 ? undefined : -1)
}

/** A secret as text, base64 at each offset, hex, hash, and integer. */
const encodingsOf = (secret: string): string[] => {
  const hashes = ['md5', 'sha1', 'sha256'].flatMap((algorithm) =>
    (['hex', 'base64', 'base64url'] as const).map((form) => createHash(algorithm).update(secret).digest(form)),
  )
  const number = Number(secret)
  return [
    secret,
    ...[0, 1, 2].map((precedingBytes) => withinBase64(secret, precedingBytes)),
    Buffer.from(secret).toString('hex'),
    ...hashes.map((hash) => hash.replaceAll('=', '')),
    // An integer loses leading zeros; a short one could occur by chance.
    ...(/^\d+$/.test(secret) ? [String(number), number.toString(16)].filter((form) => form.length > 8) : []),
  ]
}

/** True if a secret is in a text, in any encoding. */
export const isFound = (secret: string, text: string): boolean =>
  encodingsOf(secret).some((encoding) => text.includes(encoding))
