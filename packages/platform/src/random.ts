import { randomBytes, randomFillSync, randomInt } from 'node:crypto'
import { v7 } from 'uuid'

/** Source of unguessable values. app.ts passes it to the modules that need one. */
export interface Random {
  /** UUIDv7 (RFC 9562 §5.7): sortable by time. */
  id(): string
  bytes(count: number): Buffer
  /** A decimal code with leading zeros; every value is equally likely (ASVS 6.5.3). */
  digits(count: number): string
}

/** Random bytes that are not given out yet: one call of the system's generator costs as much as hundreds of bytes. */
const pool = Buffer.allocUnsafeSlow(4_096)
let taken = pool.length

/** Bytes of the operating system's CSPRNG, each given out once. */
export const takeRandomBytes = (count: number): Buffer => {
  if (count > pool.length / 16) return randomBytes(count)
  if (taken + count > pool.length) {
    randomFillSync(pool)
    taken = 0
  }
  const bytes = Buffer.from(pool.subarray(taken, taken + count))
  // Later bytes of the pool's memory do not disclose earlier secrets.
  pool.fill(0, taken, taken + count)
  taken += count
  return bytes
}

/** The operating system's CSPRNG. */
export const systemRandom: Random = {
  // By default the library draws 16 bytes from the system for each id.
  id: () => v7({ random: takeRandomBytes(16) }),
  bytes: takeRandomBytes,
  digits: (count) => String(randomInt(10 ** count)).padStart(count, '0'),
}
