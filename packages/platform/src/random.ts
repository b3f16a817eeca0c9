import { randomBytes, randomInt } from 'node:crypto'
import { v7 } from 'uuid'

/** Source of unguessable values. app.ts passes it to the modules that need one. */
export interface Random {
  /** UUIDv7 (RFC 9562 §5.7): sortable by time. */
  id(): string
  bytes(count: number): Buffer
  /** A decimal code with leading zeros; every value is equally likely (ASVS 6.5.3). */
  digits(count: number): string
}

/** The operating system's CSPRNG. */
export const systemRandom: Random = {
  id: () => v7(),
  bytes: (count) => randomBytes(count),
  digits: (count) => String(randomInt(10 ** count)).padStart(count, '0'),
}
