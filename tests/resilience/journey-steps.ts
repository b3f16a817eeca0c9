import { randomUUID } from 'node:crypto'
import type { TestCustomer } from '@rekey/test-support/customers'
import { claimsOf, codesOf, race, state, wrongCode } from '@rekey/test-support/flows'
import type { Call, Client, LastReply, Reply } from './client.ts'
import { type ClientLog, type Grant, isDone, isUnknown, type PromisedCode } from './client-log.ts'
import type { Mailbox } from './mailbox.ts'

/** A customer, and the password that the customer believes to be valid. */
export interface Person {
  customer: TestCustomer
  /** Undefined if no answer acknowledged the current password. */
  password: string | undefined
}

export interface Deps {
  client: Client
  mailbox: Mailbox
  clientLog: ClientLog
  stopped: AbortSignal
}

/** Thrown if a customer begins again: no message came, or the request was refused. */
export class JourneyAbandoned extends Error {}

/** A promised code with the token of its challenge. */
interface OpenChallenge extends PromisedCode {
  token: string
}

export type Request = Omit<Call, 'step'>

interface Submission {
  step: string
  right: Request
  wrong: Request
  /** Called for each answer that accepts the right code. */
  accept(): void
}

const mailPatienceMs = 20_000

/** True once in so many times, at random. */
export const oneIn = (times: number) => Math.random() * times < 1

const newPassword = () => `new ${randomUUID()}`

/** A4b. */
export const wayRequest = (mfaToken: unknown, challengeType: unknown): Request => ({
  path: '/oauth/v2/challenge',
  body: { challenge_type: challengeType, client_timezone: '-3', mfa_token: mfaToken, response_type: 'code', state },
})

/** The steps of a restore and a change, with the mistakes and repeats of users and clients. */
export const createSteps = ({ client, mailbox, clientLog, stopped }: Deps) => {
  const recordPromise = (to: string, { body }: Reply): OpenChallenge => {
    const token = String(body.mfa_token ?? body.token)
    const { sub, scope, exp } = claimsOf(token)
    const verification = String(scope).replace('mfa_token:', '')
    const code = { to, challengeId: String(sub), verification, expiresAt: new Date(Number(exp) * 1_000) }
    clientLog.promisedCodes.push(code)
    return { ...code, token }
  }

  /** Requests a code until it is promised. */
  const requestCode = async (to: string, call: Call): Promise<OpenChallenge> => {
    const reply = await client.callUntilAnswered(call)
    if (reply.status !== 200) throw new JourneyAbandoned(`${call.step}: ${reply.status}`)
    return recordPromise(to, reply)
  }

  const confirmationOf = async ({ to, challengeId, verification }: OpenChallenge): Promise<string> => {
    const message = await mailbox.waitFor(
      to,
      (message) => message.MessageID.startsWith(challengeId) && codesOf(message).verification === verification,
      { timeoutMs: mailPatienceMs, signal: stopped },
    )
    if (!message) throw new JourneyAbandoned('no message in time')
    return codesOf(message).confirmation
  }

  /** Sends a right code; at random also a wrong one before or instead of it, the right one twice at once, or once more. */
  const submit = async (
    { customer }: Pick<Person, 'customer'>,
    { step, right, wrong, accept }: Submission,
  ): Promise<Reply['body']> => {
    if (oneIn(6)) {
      await client.call({ step: `${step}, wrong code`, ...wrong })
      if (oneIn(3)) throw new JourneyAbandoned(`${step}: a wrong code, then none`)
    }
    const onReply = ({ status }: Reply) => {
      if (status === 200) accept()
    }
    const times = oneIn(8) ? 2 : 1
    const replies = await race(times, () => client.callUntilAnswered({ step, ...right }, { onReply }))
    const accepted = replies.find(({ status }) => status === 200)
    clientLog.rightCodes.tried += 1
    if (!accepted) {
      const explained = replies.some(({ status, lostBefore }) => lostBefore || isUnknown(status))
      const [{ status, body }] = replies as [LastReply]
      if (!explained)
        clientLog.rightCodes.refused.push(`${step} of ${customer.code}: ${status} ${JSON.stringify(body)}`)
      throw new JourneyAbandoned(`${step}: ${status}`)
    }
    if (oneIn(4)) onReply(await client.call({ step: `${step}, same code again`, ...right }))
    return accepted.body
  }

  /** Sends the code of a message. */
  const sendCode = (
    person: Person,
    { challengeId }: OpenChallenge,
    step: string,
    code: string,
    send: (code: string) => Request,
  ): Promise<Reply['body']> =>
    submit(person, {
      step,
      right: send(code),
      wrong: send(wrongCode(code)),
      accept: () => clientLog.acceptedCodes.push(challengeId),
    })

  const grantOf = (customer: TestCustomer, operation: Grant['operation'], token: unknown): Grant => {
    const { jti, challenge_id, sid } = claimsOf(String(token))
    const session = operation === 'change' ? { session: String(sid) } : {}
    const grant = { customer, operation, jti: String(jti), challengeId: String(challenge_id), ...session, tries: [] }
    clientLog.grants.push(grant)
    return grant
  }

  /** Uses a grant until it is answered, at most `most` times. */
  const attempt = (grant: Grant, step: string, send: (password: string) => Request, most = 8) => {
    const password = newPassword()
    const onReply = ({ startedAt, endedAt, status }: Reply) =>
      void grant.tries.push({ password, startedAt, endedAt, status })
    return client.callUntilAnswered({ step, ...send(password) }, { most, onReply })
  }

  /**
   * Uses a grant until the outcome is certain; at random with two passwords at once, or once more with another one.
   */
  const setPassword = async (
    person: Person,
    grant: Grant,
    step: string,
    send: (password: string) => Request,
  ): Promise<void> => {
    const wasKnown = person.password !== undefined
    person.password = undefined
    const replies = await race(oneIn(8) ? 2 : 1, () => attempt(grant, step, send))
    const done = grant.tries.find(isDone)
    person.password = done?.password

    // Only a lost answer explains a refusal: to this grant, or to the one before, which may have ended this one.
    clientLog.freshGrants.tried += 1
    const explained = done || replies.some(({ status, lostBefore }) => lostBefore || isUnknown(status))
    if (!explained && wasKnown) {
      const [{ status, body }] = replies as [LastReply]
      clientLog.freshGrants.refused.push(`${step} of ${person.customer.code}: ${status} ${JSON.stringify(body)}`)
    }
    if (done && oneIn(4)) await attempt(grant, step, send, 1)
  }

  /** At random requests a resend, which replaces the earlier code. */
  const resendCode = async (promised: OpenChallenge): Promise<OpenChallenge> => {
    if (!oneIn(5)) return promised
    const { status, ...reply } = await client.call({
      step: 'A4b send again',
      ...wayRequest(promised.token, claimsOf(promised.token).amr),
    })
    if (status === 200) return recordPromise(promised.to, { status, ...reply })
    // After a refusal the earlier code is valid. Without an answer it may have been replaced by a code not promised.
    if (isUnknown(status)) throw new JourneyAbandoned('the outcome of the resend is uncertain')
    return promised
  }

  return { requestCode, resendCode, confirmationOf, submit, sendCode, grantOf, attempt, setPassword }
}

export type Steps = ReturnType<typeof createSteps>
