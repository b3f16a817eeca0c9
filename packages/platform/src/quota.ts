import { type TString, Type } from '@sinclair/typebox'
import type { Rule } from './production.ts'

/** How much of something is allowed in which time. */
export interface AllowanceSize {
  allowance: number
  windowMs: number
}

/** 600/10m is six hundred in any ten minutes; s, m and h are the units. */
export const Quota = (standard: string, description: string): TString =>
  Type.String({
    pattern: '^[1-9]\\d{0,8}/[1-9]\\d{0,3}[smh]$',
    default: standard,
    description: `${description} Such as ${standard}, with s, m or h.`,
  })

/** Every service that limits something reads it. */
export const limitsScale = {
  REKEY_LIMITS_SCALE: Type.Number({
    minimum: 0.001,
    maximum: 1_000_000,
    default: 1,
    description:
      'For load tests: multiplies every allowance and divides every cooldown and block. Production takes 1 alone.',
  }),
}

/** Both services read it, so that it has one default and one meaning. */
export const codeAccountLimit = {
  REKEY_LIMIT_CODE_ACCOUNT: Quota(
    '10/1h',
    'Codes to restore or to change a password that are sent to one account. The auth-gateway counts them for each ' +
      'username or signed-in customer; the password-service counts those to restore for each customer, at all ' +
      'addresses together.',
  ),
}

/** The scale is for load tests. */
export const limitsAreUnscaled: Rule<{ REKEY_LIMITS_SCALE: number }> = ({ REKEY_LIMITS_SCALE = 1 }) =>
  REKEY_LIMITS_SCALE === 1 ? [] : ['REKEY_LIMITS_SCALE is not 1: it is for load tests of a sandbox.']

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 }

/** Reads `600/10m`, as often as the scale says, and once at least. */
export const readQuota = (text: string, scale: number): AllowanceSize => {
  const [count, time = ''] = text.split('/')
  const unit = time.at(-1) as keyof typeof unitMs
  return {
    allowance: Math.max(1, Math.round(Number(count) * scale)),
    windowMs: Number(time.slice(0, -1)) * unitMs[unit],
  }
}
