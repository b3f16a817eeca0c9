import { RekeyError, unavailable } from '@rekey/contracts'

/** Another transaction wrote the same customer or address after this one had read it. */
export class Overtaken extends Error {}

const attempts = 10
/** SQLSTATE of a deadlock and of a serialization failure, and Prisma's code for both. */
const contention = new Set(['40P01', '40001', 'P2034', 'TransactionWriteConflict'])

const isContention = (thrown: unknown): boolean =>
  thrown instanceof Overtaken ||
  (thrown instanceof RekeyError && contention.has((thrown.cause as { code?: string } | undefined)?.code ?? ''))

/** Repeats a transaction that another one overtook. @throws RekeyError unavailable */
export const retryOnContention = async <T>(transaction: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction()
    } catch (thrown) {
      if (!isContention(thrown)) throw thrown
      if (attempt === attempts) throw unavailable(thrown)
    }
  }
}
