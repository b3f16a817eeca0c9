import { EnrolTotp, type Factor, RekeyError, readProofCode } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { compileCheck } from '@rekey/platform/validation'
import { faultOfOwnCode, outcomeOf, toRekeyError } from '../pages/outcomes.ts'
import type { AccountState } from './account-session.ts'
import type { Changer } from './password-change.service.ts'
import type { AccountOutcome } from './password-change.state.ts'
import type { PasswordServiceClient } from './password-service.ts'
import {
  isProven,
  type Proven,
  type ProvenState,
  provenOf,
  type SecurityState,
  spentOf,
  type Wanted,
} from './security.state.ts'
import type { SecurityPasskeys } from './security-passkeys.ts'
import type { SecurityProof } from './security-proof.ts'
import { afterRefusal, type Changing } from './security-refusal.ts'

interface Deps {
  proof: SecurityProof
  passkeys: SecurityPasskeys
  passwords: PasswordServiceClient
  now: Now
  log: Logger
}

type OfStep<Step extends ProvenState['step']> = Extract<ProvenState, { step: Step }>

const isBody = compileCheck(EnrolTotp.body)

/**
 * C1 to C6 as pages, each after a fresh proof (S57). A step of another state changes nothing.
 *
 * Every method throws RekeyError invalid_token if the session has ended.
 */
export const createSecurity = ({ proof, passkeys, passwords, now, log }: Deps) => {
  const tokensOf = ({ accessToken }: AccountState, { token: successToken }: Proven) => ({ accessToken, successToken })

  /** The state as it is now: time may have ended it. */
  const current = ({ security }: Pick<AccountState, 'security'>): SecurityState | undefined => {
    if (!security || !('expiresAt' in security) || now().getTime() < security.expiresAt) return security
    // The page of a code that was sent says itself that it has expired.
    if (security.step === 'code' && security.chosen === 'oob:email') return security
    return { step: 'ended', why: security.step === 'codes' ? 'hidden' : 'late' }
  }

  const isLate = (proven: Proven) => now().getTime() >= proven.expiresAt

  /** @throws RekeyError success_token_refused, unavailable */
  const list = (state: AccountState, proven: Proven, { caller }: Pick<Changer, 'caller'>): Promise<Factor[]> =>
    passwords.listFactors(tokensOf(state, proven), caller.address)

  /** The page that a proof leads to. */
  const begin = async (state: AccountState, proven: Proven, wanted: Wanted, changer: Changer): Promise<ProvenState> => {
    switch (wanted.act) {
      case 'list':
        return { ...proven, step: 'list' }
      case 'add':
        return { ...proven, step: 'name', label: '' }
      case 'passkey':
        return passkeys.begin(state, proven, changer)
      case 'remove':
        return { ...proven, step: 'remove', factor: wanted.factor }
      case 'issue': {
        const factors = await list(state, proven, changer)
        return { ...proven, step: 'issue', replaces: factors.some(({ kind }) => kind === 'recovery_codes') }
      }
    }
  }

  /** True if a proof is no longer taken, for example after its session has ended. */
  const isRefused = (error: unknown) => error instanceof RekeyError && error.code === 'success_token_refused'

  /** Goes on with the proof that was given, or asks for another one. */
  const want = async (state: AccountState, wanted: Wanted, changer: Changer): Promise<SecurityState> => {
    const { security } = state
    if (!isProven(security) || security.isSpent || isLate(security)) return proof.open(wanted, changer)
    return begin(state, provenOf(security), wanted, changer).catch((error) => {
      if (isRefused(error)) return proof.open(wanted, changer)
      throw error
    })
  }

  /** Runs a change, which spends the proof. */
  const changing = async (
    state: Changing,
    work: () => Promise<ProvenState>,
    special?: (error: RekeyError) => ProvenState | undefined,
  ): Promise<SecurityState> => {
    try {
      return await work()
    } catch (thrown) {
      const error = toRekeyError(thrown, log)
      const next = special?.(error) ?? afterRefusal(state, error, now())
      if (!next) throw error
      return next
    }
  }

  /** A step that needs a proof which is not spent and has not ended. */
  const at =
    <Step extends ProvenState['step']>(
      step: Step,
      work: (security: OfStep<Step>, state: AccountState, changer: Changer) => Promise<SecurityState>,
    ) =>
    async (state: AccountState, changer: Changer): Promise<AccountState> => {
      const { security } = state
      if (!isProven(security) || security.step !== step || isLate(security)) return state
      const next = await work(security as OfStep<Step>, state, changer)
      return next === security ? state : { ...state, security: next }
    }

  return {
    current,
    list,

    /** Asks for a proof, unless one is open: a page that is opened again goes on with it. */
    async open(state: AccountState, changer: Changer): Promise<AccountState> {
      const { security } = state
      if (security?.step === 'code' && current(state) === security) return state
      return { ...state, security: await proof.open({ act: 'list' }, changer) }
    },

    /** Begins to add an authenticator app or a passkey, or to get recovery codes. */
    want: async (state: AccountState, act: 'add' | 'passkey' | 'issue', changer: Changer): Promise<AccountState> => ({
      ...state,
      security: await want(state, { act }, changer),
    }),

    /** Begins to remove a method: the next page says what it changes. */
    async wantRemoval(state: AccountState, factorId: string, changer: Changer): Promise<AccountState> {
      const { security } = state
      if (!isProven(security) || isLate(security)) return state
      const factors = await list(state, security, changer).catch((error) => {
        if (isRefused(error)) return undefined
        throw error
      })
      if (!factors) return { ...state, security: await proof.open({ act: 'list' }, changer) }
      const found = factors.find(({ id }) => id === factorId)
      if (!found) return { ...state, security: { ...provenOf(security), step: 'list', notice: 'check' } }
      const { id, kind, label } = found
      return {
        ...state,
        security: await want(state, { act: 'remove', factor: { id, kind, ...(label && { label }) } }, changer),
      }
    },

    async resend(state: AccountState, changer: Changer): Promise<AccountState> {
      const { security } = state
      return security?.step === 'code' ? { ...state, security: await proof.resend(security, changer) } : state
    },

    async choose(state: AccountState, way: string | undefined): Promise<AccountState> {
      const { security } = state
      return security?.step === 'code' ? { ...state, security: proof.choose(security, way) } : state
    },

    /** Submits the code of the proof. The right one leads to what the customer wanted. */
    async answer(state: AccountState, input: string, changer: Changer): Promise<AccountState> {
      const { security } = state
      if (security?.step !== 'code') return state
      const answered = await proof.answer(security, input, changer.caller)
      if (!('proven' in answered)) return answered.state === security ? state : { ...state, security: answered.state }
      const { proven } = answered
      // The code is used up: if the page cannot be made now, the list leads to it.
      const next = await begin(state, proven, security.wanted, changer).catch((thrown): ProvenState => {
        toRekeyError(thrown, log)
        return { ...proven, step: 'list' }
      })
      return { ...state, security: next }
    },

    /** C2: names the device, and gets the secret for its app. */
    name: (label: string) =>
      at('name', async (security, state, { caller }) => {
        const again = (outcome: AccountOutcome): SecurityState => ({
          ...provenOf(security),
          step: 'name',
          label,
          outcome,
        })
        if (!isBody({ label })) return again({ kind: 'malformedLabel' })
        try {
          const enrolment = await passwords.enrolTotp(tokensOf(state, security), label, caller.address)
          return { ...provenOf(security), step: 'app', enrolment }
        } catch (thrown) {
          const error = toRekeyError(thrown, log)
          if (error.code === 'invalid_request') return again({ kind: 'tooManyApps' })
          if (error.code === 'success_token_refused') return { ...spentOf(security), step: 'list', notice: 'check' }
          const outcome = outcomeOf(error, now())
          if (!outcome) throw error
          return again(outcome)
        }
      }),

    /** C3. @param id of the enrolment whose page sent the code: another tab may have begun another one */
    confirm: (id: string, input: string) =>
      at('app', async (security, state, { caller }) => {
        if (security.enrolment.id !== id) return security
        const fault = faultOfOwnCode('otp', input)
        if (fault) return { ...security, outcome: fault }
        const work = async (): Promise<ProvenState> => {
          await passwords.confirmTotp(tokensOf(state, security), { id, code: readProofCode(input) }, caller.address)
          return { ...spentOf(security), step: 'added' }
        }
        return changing(security, work, ({ code }) => {
          if (code === 'invalid_grant') return { ...security, outcome: { kind: 'wrongAppCode' } }
          if (code !== 'not_found' || security.isUnknown) return undefined
          return { ...provenOf(security), step: 'name', label: '', outcome: { kind: 'enrolmentEnded' } }
        })
      }),

    /** C4. @param input the passkey that the browser made, as JSON */
    enrolPasskey: (label: string, input: string) =>
      at('passkey', (security, state, changer) =>
        changing({ ...security, label }, async () => {
          const outcome = await passkeys.enrol(state, security, { label, input }, changer)
          return outcome ? { ...security, label, outcome } : { ...spentOf(security), step: 'added', what: 'passkey' }
        }),
      ),

    /** C5. */
    issue: at('issue', (security, state, { caller }) =>
      changing(security, async () => {
        const codes = await passwords.issueRecoveryCodes(tokensOf(state, security), caller.address)
        return { ...spentOf(security), step: 'codes', codes }
      }),
    ),

    /** The customer has saved the recovery codes: nothing has them any more. */
    hideCodes: at('codes', async (security) => ({ ...provenOf(security), step: 'list' })),

    /** C6. @param id of the method on the page that was pressed: another tab may show another one */
    remove: (id: string) =>
      at('remove', async (security, state, { caller }) => {
        if (security.factor.id !== id) return security
        return changing(security, async () => {
          await passwords.removeFactor(tokensOf(state, security), id, caller.address)
          return { ...spentOf(security), step: 'list', notice: 'removed' }
        })
      }),
  }
}

export type Security = ReturnType<typeof createSecurity>
