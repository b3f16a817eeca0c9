import { claimsOf, loginBody, verificationBody } from '@rekey/test-support/flows'
import type { Reply } from '../client.ts'
import type { FactorProof } from '../client-log.ts'
import { type Deps, JourneyAbandoned, oneIn, type Request, type Steps, wayRequest } from '../journey-steps.ts'
import { type ProofSteps, restoreRequest } from '../proof-steps.ts'
import type { Enrolled, FactorCode } from './people.ts'

const grantTypes = { totp: 'mfa_otp', recovery_code: 'mfa_recovery_code' } as const
const challengeTypes = { totp: 'otp', recovery_code: 'recovery_code' } as const

/** A5 with a code of an enrolled method. */
const tokenRequest = (mfaToken: unknown, method: FactorCode['method'], code: string): Request => ({
  path: '/oauth/v2/token',
  body: { grant_type: grantTypes[method], mfa_token: mfaToken, code },
})

/** The challenge that the token of a sign-in names. */
const challengeOf = (mfaToken: unknown) => String(claimsOf(String(mfaToken)).sub)

/** Restores and sign-ins of customers who give a second proof by an authenticator app or a recovery code. */
export const createFactorJourneys = (
  { client, clientLog, stopped }: Deps,
  { submit, grantOf, attempt, setPassword }: Steps,
  { proveAddress, givePassword }: ProofSteps,
) => {
  const newProof = ({ customer }: Enrolled, { method, used }: FactorCode, challengeId?: string): FactorProof => {
    const proof = { customer, method, used, ...(challengeId !== undefined && { challengeId }), accepted: 0 }
    clientLog.factorProofs.push(proof)
    return proof
  }

  /** Sends the next code of the person for one challenge. */
  const prove = async (
    person: Enrolled,
    { step, challengeId, send }: { step: string; challengeId?: string; send(code: string): Request },
  ) => {
    const next = person.nextCode()
    const proof = newProof(person, next, challengeId)
    const body = await submit(person, {
      step: `${step} by ${challengeTypes[next.method]}`,
      right: send(next.code),
      wrong: send(next.wrong),
      accept: () => {
        proof.accepted += 1
      },
    })
    return { body, next }
  }

  /** B2 with one proof of two: must be refused. @returns the token of the second proof */
  const askSecondProof = async (grant: Parameters<Steps['attempt']>[0], token: string): Promise<string> => {
    grant.isOneOfTwo = true
    const { status, body } = await attempt(grant, 'B2 restore, one proof of two', restoreRequest(token))
    if (typeof body.mfaToken !== 'string') throw new JourneyAbandoned(`B2 with one proof: ${status}`)
    return body.mfaToken
  }

  /** Says how the second proof will be given, which is not necessary. */
  const choose = async (mfaToken: unknown, method: FactorCode['method']) => {
    if (oneIn(2)) await client.call({ step: 'A4b choose', ...wayRequest(mfaToken, challengeTypes[method]) })
  }

  /** Signs in at another challenge with a code that was used: must be refused. */
  const useAgain = async (person: Enrolled, password: string, used: FactorCode) => {
    const { status, body } = await client.call({
      step: 'A4 sign in',
      path: '/oauth/v2/login',
      body: loginBody({ email: person.customer.email, password }),
    })
    if (status !== 200) return
    const proof = newProof(person, used, challengeOf(body.mfa_token))
    const step = `A5 token by ${challengeTypes[used.method]}, used code`
    const reply = await client.call({ step, ...tokenRequest(body.mfa_token, used.method, used.code) })
    if (reply.status === 200) proof.accepted += 1
  }

  return {
    askSecondProof,

    /** A5 with a right code of a sign-in that another request may end. */
    async complete(person: Enrolled, mfaToken: unknown, onReply: (reply: Reply) => void) {
      const next = person.nextCode()
      const proof = newProof(person, next, challengeOf(mfaToken))
      const step = `A5 token by ${challengeTypes[next.method]}, while a restore waits`
      await client.callUntilAnswered(
        { step, ...tokenRequest(mfaToken, next.method, next.code) },
        {
          onReply(reply) {
            if (reply.status === 200) proof.accepted += 1
            onReply(reply)
          },
        },
      )
    },

    /** A1, A2, B2 with one proof, A2 with the second one, and B2. */
    async restore(person: Enrolled) {
      await person.untilReady(stopped)
      const first = await proveAddress(person, person.customer.email)
      const mfaToken = await askSecondProof(first.grant, first.token)
      await choose(mfaToken, person.method)
      const { body } = await prove(person, {
        step: 'A2 verify',
        send: (code) => ({
          path: '/oauth/v2/passwordRestoreVerification',
          body: { ...verificationBody(mfaToken, code), grant_type: grantTypes[person.method] },
        }),
      })
      const grant = grantOf(person.customer, 'restore', body.sign_token)
      await setPassword(person, grant, 'B2 restore, two proofs', restoreRequest(body.sign_token))
    },

    /** A4 and A5. */
    async signIn(person: Enrolled, password: string) {
      await person.untilReady(stopped)
      const { body: offered, keep } = await givePassword(person.customer, password)
      const mfaToken = offered.mfa_token
      await choose(mfaToken, person.method)
      const { body, next } = await prove(person, {
        step: 'A5 token',
        challengeId: challengeOf(mfaToken),
        send: (code) => tokenRequest(mfaToken, person.method, code),
      })
      keep(body)
      if (oneIn(3)) await useAgain(person, password, next)
    },
  }
}

export type FactorJourneys = ReturnType<typeof createFactorJourneys>
