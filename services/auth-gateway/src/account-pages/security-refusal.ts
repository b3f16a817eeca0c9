import type { RekeyError } from '@rekey/contracts'
import { outcomeOf } from '../pages/outcomes.ts'
import { type ProvenState, spentOf } from './security.state.ts'

/** A page whose form changes the methods. */
export type Changing = Extract<ProvenState, { step: 'app' | 'passkey' | 'issue' | 'remove' }>

/** Where a change leads that was refused; undefined: to the error page. */
export const afterRefusal = (state: Changing, error: RekeyError, now: Date): ProvenState | undefined => {
  const outcome = outcomeOf(error, now)
  if (outcome) return { ...state, outcome, isUnknown: state.isUnknown || outcome.kind === 'unavailable' }
  if (error.code !== 'success_token_refused' && error.code !== 'not_found') return undefined
  const notice = state.step === 'issue' && state.isUnknown ? 'codesLost' : 'check'
  return { ...spentOf(state), step: 'list', notice }
}
