import { errors, RekeyError } from '@rekey/contracts'

/** How a step ended: it succeeded, its caller was limited or refused, a server was unavailable, or a defect stopped it. */
export const outcomes = ['ok', 'limited', 'refused', 'unavailable', 'failed'] as const
export type Outcome = (typeof outcomes)[number]

/** The outcome of a step that threw. */
export const outcomeOf = (error: unknown): Exclude<Outcome, 'ok'> => {
  if (!(error instanceof RekeyError)) return 'failed'
  if (error.code === 'too_many_requests') return 'limited'
  if (error.code === 'unavailable') return 'unavailable'
  return errors[error.code].status >= 500 ? 'failed' : 'refused'
}
