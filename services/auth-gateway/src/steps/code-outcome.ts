import { outcomes } from '@rekey/platform/outcome'

/**
 * How a submitted code ended. wrong; locked_out: not compared, the account is locked out; ended: its challenge had five
 * failed attempts; expired: no such challenge, expired, replaced or used.
 */
export const codeOutcomes = [...outcomes, 'wrong', 'locked_out', 'ended', 'expired'] as const
export type CodeOutcome = (typeof codeOutcomes)[number]
