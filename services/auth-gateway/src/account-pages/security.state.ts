import type { EnrolTotpAnswer, Factor, PasskeyCreation, PasskeyRequest } from '@rekey/contracts'
import type { AccountOutcome, CodeSent } from './password-change.state.ts'

/** A method, as the page that removes it shows it. */
export type ShownFactor = Pick<Factor, 'id' | 'kind' | 'label'>

/** The page that follows the proof. */
export type Wanted = { act: 'list' | 'add' | 'passkey' | 'issue' } | { act: 'remove'; factor: ShownFactor }

/** A fresh proof was asked for (B5, changeFactors). Without `chosen` the page offers its ways. */
export interface SecurityCode extends CodeSent {
  /** Values of `challenge_type`; `oob:email` is the first address. */
  challengeTypes: string[]
  /** Only of a customer with a passkey. */
  publicKey?: PasskeyRequest | undefined
  chosen: string | undefined
  wanted: Wanted
}

/** A proof that was given: it permits one change, and the list until it ends. Times are in milliseconds since 1970. */
export interface Proven {
  /** The success token. */
  token: string
  expiresAt: number
  /** True once a change has spent the token: the next change needs another proof. */
  isSpent: boolean
}

/** A change that was submitted and not done. */
interface Repeated {
  outcome?: AccountOutcome | undefined
  /** True after a press whose answer did not come: it may be done. */
  isUnknown?: boolean | undefined
}

/**
 * Why the list is shown after a press. `check`: it may have been done before; `codesLost`: codes were made, not shown;
 * `tooManyPasskeys`: none was added.
 */
export type SecurityNotice = 'removed' | 'check' | 'codesLost' | 'tooManyPasskeys'

export type ProvenState = Proven &
  (
    | { step: 'list'; notice?: SecurityNotice | undefined }
    /** Asks for the name of the device. */
    | { step: 'name'; label: string; outcome?: AccountOutcome | undefined }
    /** Shows the secret of an authenticator app, and asks for its first code. */
    | ({ step: 'app'; enrolment: EnrolTotpAnswer } & Repeated)
    /** Asks for the name of a passkey, and the browser for the passkey. */
    | ({ step: 'passkey'; label: string; creation: PasskeyCreation } & Repeated)
    /** `what`: absent for an authenticator app. */
    | { step: 'added'; what?: 'passkey' }
    /** Says what recovery codes are, before they are made. `replaces`: there are earlier ones. */
    | ({ step: 'issue'; replaces: boolean } & Repeated)
    /** Shows recovery codes until the customer has saved them, or the proof ends. */
    | { step: 'codes'; codes: string[] }
    | ({ step: 'remove'; factor: ShownFactor } & Repeated)
  )

/** The step of the pages Security that the customer has reached. */
export type SecurityState =
  /** The proof could not be asked for. */
  | { step: 'start'; outcome: AccountOutcome }
  | SecurityCode
  | ProvenState
  /** `hidden`: recovery codes are no longer shown. */
  | { step: 'ended'; why: 'tooManyWrong' | 'late' | 'hidden' }

export const isProven = (state: SecurityState | undefined): state is ProvenState =>
  state !== undefined && 'isSpent' in state

export const provenOf = ({ token, expiresAt, isSpent }: Proven): Proven => ({ token, expiresAt, isSpent })
export const spentOf = (proven: Proven): Proven => ({ ...provenOf(proven), isSpent: true })

export const securityPath = '/account/security'

/** Where it goes on. */
export const addressOfSecurity = (state: SecurityState | undefined): string =>
  state === undefined || state.step === 'start' ? securityPath : `${securityPath}/${state.step}`
