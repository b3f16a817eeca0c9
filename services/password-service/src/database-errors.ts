import { RekeyError, unavailable } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import pg from 'pg'

/**
 * SQLSTATE of temporary errors (Postgres manual, appendix A): connection, conflict, resources, lock, operator or
 * time-out, and a server that is a standby.
 */
const temporaryState = /^((08|28|40|53|55|57)...|25006|3D000)$/
/** Codes of temporary errors of Prisma, its adapter and sockets. */
const temporaryCode =
  /^(P10(01|02|08|17)|P20(24|28|34)|DatabaseNotReachable|ConnectionClosed|SocketTimeout|TlsConnectionError|E(PIPE|TIMEDOUT|CONN(REFUSED|RESET)|(HOST|NET)UNREACH|AI_AGAIN))$/
/** SQLSTATE class 22, data exception. */
const dataState = /^22...$/
/** Errors of connections for which `pg` has a message and no code. */
const temporaryMessage =
  /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client (has encountered|was closed))/

/** Replaces a driver's error and keeps only its code: messages and details contain hashes and rows (S35). */
class DatabaseError extends Error {
  readonly code: string

  constructor(code: string) {
    super('a database operation failed')
    this.name = 'DatabaseError'
    this.code = code
  }
}

/** A Prisma error with the adapter's error in `meta`, or, for a failed COMMIT, the adapter's error itself. */
interface DriverError extends Error {
  code?: string
  meta?: { driverAdapterError?: DriverError }
  cause?: { originalCode?: string; kind?: string }
}

/** Data that Postgres can never store. A PermanentError: an event with such data becomes a dead letter at once. */
class InvalidData extends PermanentError {
  readonly code: string

  constructor(code: string) {
    super('the database cannot store this data')
    this.name = 'InvalidData'
    this.code = code
  }
}

/** SQLSTATE feature_not_supported: after a migration a planned statement has a result of another type. */
const outdatedPlan = '0A000'

/** True if a statement of Prisma was refused because its plan is outdated. */
export const isOutdatedPlan = (thrown: unknown) =>
  thrown instanceof Error &&
  ((thrown as DriverError).meta?.driverAdapterError ?? (thrown as DriverError)).cause?.originalCode === outdatedPlan

/** Translates a temporary error to 503. Any other database error is a bug of this service, or invalid data (500). */
export const toDatabaseError = (thrown: unknown): unknown => {
  if (thrown instanceof RekeyError || !(thrown instanceof Error)) return thrown
  const { name, message, code, meta } = thrown as DriverError
  const isDriver =
    name === 'DriverAdapterError' || name.startsWith('PrismaClient') || thrown instanceof pg.DatabaseError
  const { originalCode: state, kind } = (meta?.driverAdapterError ?? (thrown as DriverError)).cause ?? {}
  const codes = [state, kind, code].filter((value) => value !== undefined)
  const error = new DatabaseError(codes[0] ?? name)
  // It was refused before it did anything, and is planned again.
  if (isOutdatedPlan(thrown)) return unavailable(error)
  if (codes.some((value) => temporaryState.test(value) || temporaryCode.test(value))) return unavailable(error)
  if (temporaryMessage.test(message)) return unavailable(thrown)
  const invalid = codes.find((value) => dataState.test(value))
  if (invalid !== undefined) return new InvalidData(invalid)
  return isDriver ? error : thrown
}
