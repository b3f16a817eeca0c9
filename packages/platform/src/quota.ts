import { type TSchema, type TString, Type } from '@sinclair/typebox'
import type { Rule } from './production.ts'

/** A number of requests in a sliding window. */
export interface AllowanceSize {
  allowance: number
  windowMs: number
}

/** A variable such as `600/10m`: six hundred in any ten minutes. Units are s, m and h. */
export const Quota = (standard: string, description: string): TString =>
  Type.String({
    pattern: '^[1-9]\\d{0,8}/[1-9]\\d{0,3}[smh]$',
    default: standard,
    description: `${description} Form: ${standard}; units s, m, h.`,
  })

/** For every service that has rate limits or lockouts. */
export const limitsScale = {
  REKEY_LIMITS_SCALE: Type.Number({
    minimum: 0.001,
    maximum: 1_000_000,
    default: 1,
    description:
      'For load tests: multiplies every quota and divides every cooldown and lockout. Production accepts only 1.',
  }),
}

export const limitsAreUnscaled: Rule<{ REKEY_LIMITS_SCALE: number }> = ({ REKEY_LIMITS_SCALE = 1 }) =>
  REKEY_LIMITS_SCALE === 1 ? [] : ['REKEY_LIMITS_SCALE is not 1: other values are for load tests in the sandbox.']

const perMs = (text: string) => {
  const { allowance, windowMs } = readQuota(text, 1)
  return allowance / windowMs
}

/** How many times the default rate production accepts. Those of clients and of all depend on the platform's size. */
const mostTimes = (name: string) => (/_(CLIENT|ALL)$/.test(name) ? 1_000 : 20)

/** Refuses quotas so large that they limit nothing. */
export const quotasAreBounded =
  <Name extends string>(quotas: Record<Name, TSchema>): Rule<Record<Name, unknown>> =>
  (config) =>
    (Object.keys(quotas) as Name[]).flatMap((name) => {
      const [value, standard] = [config[name], quotas[name].default]
      if (typeof value !== 'string' || typeof standard !== 'string') return []
      const most = mostTimes(name)
      return perMs(value) <= most * perMs(standard)
        ? []
        : [`${name} is more than ${most} times its default ${standard}: it would limit nothing.`]
    })

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 }

/** Both services read it, so that it has one default and one meaning. */
export const codeAccountLimit = {
  REKEY_LIMIT_CODE_ACCOUNT: Quota(
    '10/1h',
    'Codes to restore or to change a password that are sent to one account. The auth-gateway counts them for each ' +
      'username or signed-in customer; the password-service counts those to restore for each customer, at all ' +
      'addresses together.',
  ),
}

/** Parses `600/10m`, with the number multiplied by the scale, at least 1. */
export const readQuota = (text: string, scale: number): AllowanceSize => {
  const [count, time = ''] = text.split('/')
  const unit = time.at(-1) as keyof typeof unitMs
  return {
    allowance: Math.max(1, Math.round(Number(count) * scale)),
    windowMs: Number(time.slice(0, -1)) * unitMs[unit],
  }
}
