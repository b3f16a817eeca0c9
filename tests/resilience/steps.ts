import { randomUUID } from 'node:crypto'
import type { TestCustomer } from '@rekey/test-support/customers'
import { claimsOf, codesOf, race, state, wrongCode } from '@rekey/test-support/flows'
import type { Call, Client, LastReply, Reply } from './client.ts'
import type { Mailbox } from './mailbox.ts'
import { type Grant, isDone, isUnknown, type PromisedCode, type Seen } from './seen.ts'

/** A customer, and what the customer knows. */
export interface Person {
  customer: TestCustomer
  /** Undefined where no answer told which password is the one now. */
  password: string | undefined
}

export interface Deps {
  client: Client
  mailbox: Mailbox
  seen: Seen
  stopped: AbortSignal
}

/** Thrown where a person gives up and begins anew: no message, or nothing but refusals. */
export class GaveUp extends Error {}

/** A code that was asked for, as whoever asked has it. */
interface AskedCode extends PromisedCode {
  token: string
}

type Request = Omit<Call, 'step'>

const mailPatienceMs = 20_000

/** Now and then. */
export const oneIn = (times: number) => Math.random() * times < 1

const newPassword = () => `new ${randomUUID()}`

/** The steps that a restore and a change are made of, with what goes wrong on the way. */
export const createSteps = ({ client, mailbox, seen, stopped }: Deps) => {
  const promised = (to: string, { body }: Reply): AskedCode => {
    const token = String(body.mfa_token ?? body.token)
    const { sub, scope, exp } = claimsOf(token)
    const verification = String(scope).replace('mfa_token:', '')
    const code = { to, challengeId: String(sub), verification, expiresAt: new Date(Number(exp) * 1_000) }
    seen.promisedCodes.push(code)
    return { ...code, token }
  }

  /** Asks for a code until it is promised. */
  const ask = async (to: string, call: Call): Promise<AskedCode> => {
    const reply = await client.insist(call)
    if (reply.status !== 200) throw new GaveUp(`${call.step}: ${reply.status}`)
    return promised(to, reply)
  }

  const confirmationOf = async ({ to, challengeId, verification }: AskedCode): Promise<string> => {
    const message = await mailbox.waitFor(
      to,
      (message) => message.MessageID.startsWith(challengeId) && codesOf(message).verification === verification,
      { timeoutMs: mailPatienceMs, signal: stopped },
    )
    if (!message) throw new GaveUp('no message in time')
    return codesOf(message).confirmation
  }

  /** Gives a code; now and then a wrong one before it or instead of it, the right one twice at once, and once more behind it. */
  const answer = async (
    { customer }: Person,
    { challengeId }: AskedCode,
    step: string,
    code: string,
    send: (code: string) => Request,
  ): Promise<Reply['body']> => {
    if (oneIn(6)) {
      await client.call({ step: `${step}, wrong code`, ...send(wrongCode(code)) })
      if (oneIn(3)) throw new GaveUp(`${step}: wrong, and not tried again`)
    }
    const heard = ({ status }: Reply) => {
      if (status === 200) seen.takenCodes.push(challengeId)
    }
    const ways = oneIn(8) ? 2 : 1
    const replies = await race(ways, () => client.insist({ step, ...send(code) }, { heard }))
    const taken = replies.find(({ status }) => status === 200)
    seen.rightCodes.tried += 1
    if (!taken) {
      const explained = replies.some(({ status, lostBefore }) => lostBefore || isUnknown(status))
      const [{ status, body }] = replies as [LastReply]
      if (!explained) seen.rightCodes.refused.push(`${step} of ${customer.code}: ${status} ${JSON.stringify(body)}`)
      throw new GaveUp(`${step}: ${status}`)
    }
    if (oneIn(4)) heard(await client.call({ step: `${step}, same code again`, ...send(code) }))
    return taken.body
  }

  const grantOf = (customer: TestCustomer, operation: Grant['operation'], token: unknown): Grant => {
    const { jti, challenge_id, sid } = claimsOf(String(token))
    const session = operation === 'change' ? { session: String(sid) } : {}
    const grant = { customer, operation, jti: String(jti), challengeId: String(challenge_id), ...session, tries: [] }
    seen.grants.push(grant)
    return grant
  }

  /**
   * Uses a grant until it is known to be used; now and then with two passwords at once, and once more with another one
   * behind it.
   */
  const setPassword = async (
    person: Person,
    grant: Grant,
    step: string,
    send: (password: string) => Request,
  ): Promise<void> => {
    const wasKnown = person.password !== undefined
    person.password = undefined
    const attempt = (password: string, most: number) =>
      client.insist(
        { step, ...send(password) },
        { most, heard: ({ body: _, ...reply }) => void grant.tries.push({ password, ...reply }) },
      )
    const replies = await race(oneIn(8) ? 2 : 1, () => attempt(newPassword(), 8))
    const done = grant.tries.find(isDone)
    person.password = done?.password

    // A refusal has its reason: an answer that got lost, of this grant or of the one before.
    seen.freshGrants.tried += 1
    const explained = done || replies.some(({ status, lostBefore }) => lostBefore || isUnknown(status))
    if (!explained && wasKnown) {
      const [{ status, body }] = replies as [LastReply]
      seen.freshGrants.refused.push(`${step} of ${person.customer.code}: ${status} ${JSON.stringify(body)}`)
    }
    if (done && oneIn(4)) await attempt(newPassword(), 1)
  }

  /** Now and then asks for the code again, which replaces the one of before. */
  const sendAgain = async (asked: AskedCode): Promise<AskedCode> => {
    if (!oneIn(5)) return asked
    const { status, ...reply } = await client.call({
      step: 'A4b send again',
      path: '/oauth/v2/challenge',
      body: {
        challenge_type: claimsOf(asked.token).amr,
        client_timezone: '-3',
        mfa_token: asked.token,
        response_type: 'code',
        state,
      },
    })
    if (status === 200) return promised(asked.to, { status, ...reply })
    // Refused: the code of before is good. Not answered: it may have been replaced by one that nobody was promised.
    if (isUnknown(status)) throw new GaveUp('whether it was sent again is not known')
    return asked
  }

  return { ask, sendAgain, confirmationOf, answer, grantOf, setPassword }
}
