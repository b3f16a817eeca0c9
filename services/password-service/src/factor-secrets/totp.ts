import { timingSafeEqual } from 'node:crypto'
import { readCode } from '@rekey/contracts'
import { createGuardrails, generateSecret, generateSync, generateURI, ScureBase32Plugin } from 'otplib'

/** Parameters of a TOTP (RFC 6238 §1.2, §4.1). */
export interface Totp {
  /** Base32, without padding (RFC 4648 §6). */
  secret: string
  algorithm: 'sha1' | 'sha256' | 'sha512'
  digits: 6 | 7 | 8
}

/** Authenticator apps support few other lengths of a time step (RFC 6238 §5.2). */
export const usualPeriodSeconds = 30

/** Time steps on each side of a clock whose codes are right: one for the way of the code (RFC 6238 §5.2). */
const tolerance = 1

/** Time steps by which a phone's clock may be wrong when it is enrolled (RFC 6238 §6). */
export const mostClockOffset = 5

/** Secrets of 80 bits come with imports: some systems used no longer ones. Ours have 160 (RFC 4226 §4, R6). */
const guardrails = createGuardrails({ MIN_SECRET_BYTES: 10 })

/** The number of the time step at a time (RFC 6238 §4.2). */
export const stepAt = (at: Date, periodSeconds: number): number => Math.floor(at.getTime() / 1_000 / periodSeconds)

const around = (step: number, width: number): number[] =>
  Array.from({ length: 2 * width + 1 }, (_, index) => step - width + index)

/**
 * The time steps whose codes are right now: those around our clock, and those around the clock of a device that was off
 * by `clockOffset` steps when it was enrolled. In ascending order.
 */
export const stepsToTry = (step: number, clockOffset: number): number[] =>
  [...new Set([...around(step, tolerance), ...around(step + clockOffset, tolerance)])].toSorted((a, b) => a - b)

/** The time steps whose codes confirm an enrolment. */
export const stepsToConfirm = (step: number): number[] => around(step, mostClockOffset)

const codeOf = ({ secret, algorithm, digits }: Totp, step: number, periodSeconds: number): string =>
  generateSync({ secret, algorithm, digits, period: periodSeconds, epoch: step * periodSeconds, guardrails })

/** False if the library cannot compute codes of a secret: it is not Base32, or has less than 10 or more than 64 bytes. */
export const canComputeCodes = (totp: Totp): boolean => {
  try {
    codeOf(totp, 0, usualPeriodSeconds)
    return true
  } catch {
    return false
  }
}

/** A code without its separators, and with the zeros that a number lost. */
const normalised = (code: string | number, digits: number): string => readCode(String(code)).padStart(digits, '0')

/**
 * The time steps among these whose code this is: two neighbours may have equal digits, so that the first match is not all.
 * Each step is tried, whichever matches.
 */
export const matchingSteps = (
  totp: Totp,
  code: string | number,
  steps: readonly number[],
  periodSeconds: number,
): number[] => {
  const given = Buffer.from(normalised(code, totp.digits))
  return steps.filter((step) => {
    const expected = Buffer.from(codeOf(totp, step, periodSeconds))
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

const base32 = new ScureBase32Plugin()

/** Base32 (RFC 4648 §6) without padding: the form of a secret. */
export const toBase32 = (bytes: Uint8Array): string => base32.encode(bytes, { padding: false })

/** A secret with the parameters that every authenticator app has. */
export const usualTotp = (secret: string): Totp => ({ secret, algorithm: 'sha1', digits: 6 })

/** A new secret of 160 bits, with the usual parameters. */
export const newTotp = (): Totp => usualTotp(generateSecret({ length: 20 }))

/** The URI that authenticator apps read. `account` names the customer in the app. */
export const totpUri = (totp: Totp, issuer: string, account: string): string =>
  generateURI({ ...totp, period: usualPeriodSeconds, issuer, label: account })
