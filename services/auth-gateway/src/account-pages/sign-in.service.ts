import { type PasskeyRequest, type RekeyError, scopes, type TokenAnswer } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { ChallengeEnded } from '../challenges/answer.ts'
import type { Caller } from '../challenges/challenge.ts'
import type { Logins } from '../login/login.ts'
import { notResent, outcomeOf, toRekeyError, wrongOutcome } from '../pages/outcomes.ts'
import { grantTypeOfWay, readProof } from '../pages/proof-input.ts'
import { toUsername } from '../pages/username-input.ts'
import { isOwnWay } from '../second-proofs/second-proofs.ts'
import type { Grant } from '../token/grants.ts'
import { type AccountState, accountLifeMs } from './account-session.ts'
import type { AccountOutcome, CodeSent } from './password-change.state.ts'

/** The devices that a code may be sent to, masked; a verified password leads here. */
interface Proven {
  username: string
  /** The challenge's `mfa_token`. */
  token: string
  devices: string[]
  expiresAt: number
}

/** A sign-in in one browser. Times are in milliseconds since 1970. */
export type SignInState =
  | { step: 'password'; username: string; outcome: AccountOutcome }
  | (Proven & { step: 'device'; outcome?: AccountOutcome | undefined })
  | (Proven & CodeSent & { device: string; publicKey?: PasskeyRequest | undefined })
  | { step: 'ended'; why: 'tooManyWrong' | 'late' }
  /** `account`: the secret of the cookie. */
  | { step: 'done'; account: string; doneAt: number }

type OfStep<Step extends SignInState['step']> = Extract<SignInState, { step: Step }>

interface Deps {
  logins: Pick<Logins, 'signInHere' | 'sendHere' | 'chooseHere'>
  grant: Grant
  /** The client that the customers of these pages sign in with. */
  clientId: string
  /** Stores a signed-in customer. @returns the secret of the cookie */
  beginAccount(state: AccountState): Promise<string>
  /** The customer's time zone. @throws RekeyError unavailable */
  timezoneOf(accessToken: string): Promise<string>
  codeTtlMs: number
  /** Wait between two codes of one challenge, in milliseconds. */
  cooldownMs: number
  now: Now
  log: Logger
}

/**
 * A4, A4b and A5 as pages. A wrong password and an unknown user lead to one state (S11), after the same work (S12). A step
 * of another state changes nothing.
 */
export const createSignIn = (deps: Deps) => {
  const { logins, grant, clientId, beginAccount, timezoneOf, codeTtlMs, cooldownMs, now, log } = deps

  const isLate = ({ expiresAt }: Proven) => now().getTime() >= expiresAt

  const send = async (proven: Proven, device: string, caller: Caller): Promise<OfStep<'code'>> => {
    const { username, devices } = proven
    if (isOwnWay(device)) {
      const publicKey = await logins.chooseHere(proven.token, device, caller)
      const { token, expiresAt } = proven
      return { step: 'code', username, devices, device, token, verificationCode: '', expiresAt, resendAt: 0, publicKey }
    }
    const { token, verificationCode, expiresAt } = await logins.sendHere(proven.token, device, caller)
    return {
      step: 'code',
      username,
      devices,
      device,
      token,
      verificationCode,
      expiresAt: expiresAt.getTime(),
      resendAt: now().getTime() + cooldownMs,
    }
  }

  /** Repeats the step and says what was wrong, or ends the sign-in if it cannot continue. */
  const repeatOrEnd = <S extends OfStep<'device'> | OfStep<'code'>>(state: S, error: RekeyError): SignInState => {
    const outcome = outcomeOf(error, now())
    if (outcome) return { ...state, outcome }
    if (error.code === 'access_denied') return { step: 'ended', why: 'tooManyWrong' }
    if (error.code === 'invalid_grant') return { step: 'ended', why: 'late' }
    throw error
  }

  const account = async (state: OfStep<'code'>, tokens: TokenAnswer): Promise<AccountState> => {
    const { access_token: accessToken, expires_in, scope } = tokens
    const endsAt = now().getTime() + expires_in * 1_000
    const mustChange = !scope.split(' ').includes(scopes.full)
    return {
      username: state.username,
      accessToken,
      endsAt,
      mustChange,
      timezone: await timezoneOf(accessToken),
      // The token of such a sign-in is a grant: it sets one password.
      ...(mustChange && { change: { step: 'new', token: accessToken, expiresAt: endsAt } }),
    }
  }

  return {
    /** Verifies the password. With one device its code is sent at once. */
    async begin(input: string, password: string, caller: Caller): Promise<SignInState> {
      const username = toUsername(input)
      const again = (outcome: AccountOutcome): SignInState => ({ step: 'password', username: input, outcome })
      if (username === undefined) return again({ kind: 'malformedUsername' })
      if (password === '') return again({ kind: 'noPassword' })
      try {
        const { devices, mfaToken: token } = await logins.signInHere({ clientId, username, password }, caller)
        const proven = { username, token, devices, expiresAt: now().getTime() + codeTtlMs }
        const [device] = devices
        if (devices.length > 1 || device === undefined) return { step: 'device', ...proven }
        return await send(proven, device, caller).catch((thrown) =>
          repeatOrEnd({ step: 'device', ...proven }, toRekeyError(thrown, log)),
        )
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        if (error.code === 'access_denied') return again({ kind: 'wrongPassword' })
        const outcome = outcomeOf(error, now())
        if (!outcome) throw error
        return again(outcome)
      }
    },

    /** Sends the code to a device. */
    async choose(state: SignInState, device: string, caller: Caller): Promise<SignInState> {
      if (state.step !== 'device' && state.step !== 'code') return state
      try {
        return await send(state, device, caller)
      } catch (thrown) {
        const next = repeatOrEnd(state, toRekeyError(thrown, log))
        return next.step === 'code' && next.outcome ? notResent(next, next.outcome) : next
      }
    },

    /** Sends a new code, which replaces the old one. */
    async resend(state: SignInState, caller: Caller): Promise<SignInState> {
      if (state.step !== 'code') return state
      const next = await this.choose(state, state.device, caller)
      return next.step === 'code' && next.outcome === undefined ? { ...next, outcome: { kind: 'resent' } } : next
    },

    /** Offers the devices again; the code that was sent stays valid. */
    async chooseAgain(state: SignInState): Promise<SignInState> {
      if (state.step !== 'code' || state.devices.length < 2) return state
      const { username, token, devices, expiresAt } = state
      return { step: 'device', username, token, devices, expiresAt }
    },

    /** Submits the confirmation code, or an assertion as JSON. The right one signs the customer in. */
    async answer(state: SignInState, input: string, caller: Caller): Promise<SignInState> {
      if (state.step !== 'code' || isLate(state)) return state
      const { device } = state
      const read = readProof(device, input, state.verificationCode)
      if ('fault' in read) return { ...state, outcome: read.fault }
      try {
        const way = { grant_type: grantTypeOfWay(device), client_id: clientId }
        const body = { ...way, mfa_token: state.token, ...read.fields }
        const request = { body, authorization: undefined, address: caller.address, sessionMs: accountLifeMs }
        const secret = await beginAccount(await account(state, await grant(request)))
        return { step: 'done', account: secret, doneAt: now().getTime() }
      } catch (thrown) {
        const error = toRekeyError(thrown, log)
        if (error instanceof ChallengeEnded) return { step: 'ended', why: 'tooManyWrong' }
        if (error.code === 'invalid_grant') return { ...state, outcome: wrongOutcome(device) }
        return repeatOrEnd(state, error)
      }
    },

    /** The state as it is now: time may have ended it. */
    current(state: SignInState): SignInState {
      // The page of a code that was sent says so itself.
      const hasLimit = state.step === 'device' || (state.step === 'code' && isOwnWay(state.device))
      return hasLimit && isLate(state) ? { step: 'ended', why: 'late' } : state
    },
  }
}

export type SignIn = ReturnType<typeof createSignIn>
