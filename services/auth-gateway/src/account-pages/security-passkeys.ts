import {
  EnrolPasskey,
  type PasskeyAttestation,
  PasskeyAttestation as PasskeySchema,
  RekeyError,
} from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import { readCredential } from '../pages/proof-input.ts'
import type { AccountState } from './account-session.ts'
import type { Changer } from './password-change.service.ts'
import type { AccountOutcome } from './password-change.state.ts'
import type { PasswordServiceClient } from './password-service.ts'
import type { Proven, ProvenState } from './security.state.ts'

type PasskeyState = Extract<ProvenState, { step: 'passkey' }>

interface Deps {
  passwords: Pick<PasswordServiceClient, 'requestPasskeyCreation' | 'enrolPasskey'>
}

const isAttestation = compileCheck(PasskeySchema)
const isLabel = compileCheck(EnrolPasskey.body.properties.label)

/** C4 as pages: the name of a passkey, and the passkey that the browser makes. */
export const createSecurityPasskeys = ({ passwords }: Deps) => {
  const tokensOf = ({ accessToken }: AccountState, { token: successToken }: Proven) => ({ accessToken, successToken })

  return {
    /** The page that asks for a new passkey; the list, if the customer has as many as allowed. @throws RekeyError */
    async begin(state: AccountState, proven: Proven, { caller }: Pick<Changer, 'caller'>): Promise<ProvenState> {
      try {
        const creation = await passwords.requestPasskeyCreation(tokensOf(state, proven), caller.address)
        return { ...proven, step: 'passkey', label: '', creation }
      } catch (error) {
        if (!(error instanceof RekeyError) || error.code !== 'invalid_request') throw error
        return { ...proven, step: 'list', notice: 'tooManyPasskeys' }
      }
    },

    /** Adds the passkey. @returns the outcome of an input that is refused @throws RekeyError */
    async enrol(
      state: AccountState,
      security: PasskeyState,
      { label, input }: { label: string; input: string },
      { caller }: Pick<Changer, 'caller'>,
    ): Promise<AccountOutcome | undefined> {
      if (!isLabel(label)) return { kind: 'malformedLabel' }
      const credential = readCredential<PasskeyAttestation>(isAttestation, input)
      if (!credential) return { kind: 'noPasskey' }
      try {
        await passwords.enrolPasskey(tokensOf(state, security), { label, credential }, caller.address)
        return undefined
      } catch (error) {
        const isRefused = error instanceof RekeyError && ['invalid_grant', 'invalid_request'].includes(error.code)
        if (!isRefused) throw error
        return { kind: 'wrongPasskey' }
      }
    },
  }
}

export type SecurityPasskeys = ReturnType<typeof createSecurityPasskeys>
