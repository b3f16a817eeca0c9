import { randomUUID } from 'node:crypto'
import type { TestCustomer } from '@rekey/testing/customers'
import { codesOf, loginBody, race, restoreBody, state, verificationBody, wrongCode } from '@rekey/testing/flows'
import { claimsOf } from './claims.ts'
import type { Call, Client, LastReply, Reply } from './client.ts'
import type { Mailbox } from './mailbox.ts'
import { type Grant, isDone, isUnknown, type PromisedCode, type Seen } from './seen.ts'

/** A customer, and what the customer knows. */
export interface Person {
  customer: TestCustomer
  /** Undefined where no answer told which password is the one now. */
  password: string | undefined
}

interface Deps {
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
const oneIn = (times: number) => Math.random() * times < 1

const newPassword = () => `new ${randomUUID()}`

/** What people do: whole restores and changes, by the published contracts, with what goes wrong on the way. */
export const createJourneys = ({ client, mailbox, seen, stopped }: Deps) => {
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

  /** Gives a code; now and then a wrong one before it, the right one twice at once, and once more behind it. */
  const answer = async (
    { customer }: Person,
    { challengeId }: AskedCode,
    step: string,
    code: string,
    send: (code: string) => Request,
  ): Promise<Reply['body']> => {
    if (oneIn(6)) await client.call({ step: `${step}, wrong code`, ...send(wrongCode(code)) })
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

  const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })

  return {
    /** A1, A2 and B2, or A3 with a password. */
    async restoreByBank(person: Person) {
      const { customer } = person
      const to = oneIn(6) ? customer.phone : customer.email
      const first = await ask(to, { step: 'A1 restore', path: '/oauth/v2/passwordRestore', body: restoreBody(to) })
      const asked = await sendAgain(first)
      const code = await confirmationOf(asked)
      const response_type = oneIn(3) ? 'access_token' : 'sign_token'
      const body = await answer(person, asked, 'A2 verify', code, (code) => ({
        path: '/oauth/v2/passwordRestoreVerification',
        body: verificationBody(asked.token, code, { response_type }),
      }))
      const grant = grantOf(customer, 'restore', body[response_type])
      if (response_type === 'sign_token') {
        return setPassword(person, grant, 'B2 restore', (password) => ({
          path: '/api/v2/my/password/restore',
          headers: { successToken: String(body.sign_token) },
          body: { password },
        }))
      }
      return setPassword(person, grant, 'A3 reset', (password) => ({
        path: '/oauth/v2/passwordRestoreReset',
        headers: bearer(body.access_token),
        body: { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB', password },
      }))
    },

    /** B5b, B6 and B2. */
    async restoreByBroker(person: Person) {
      const { customer } = person
      const query = new URLSearchParams({ businessProcess: 'restorePassword', email: customer.email })
      const path = `/api/v2/my/2fa/unauthorized/challenge?${query}`
      const asked = await ask(customer.email, { step: 'B5b restore', method: 'GET', path })
      const body = await answer(person, asked, 'B6 verify', await confirmationOf(asked), (code) => ({
        path: '/api/v2/my/2fa/challenge',
        body: { token: asked.token, code },
      }))
      await setPassword(person, grantOf(customer, 'restore', body.successToken), 'B2 restore', (password) => ({
        path: '/api/v2/my/password/restore',
        headers: { successToken: String(body.successToken) },
        body: { password },
      }))
    },

    /** A4, A4b and A5, then B5, B6 and B1. */
    async change(person: Person, password: string) {
      const { customer } = person
      const grantsBefore = seen.grants.filter((grant) => grant.customer === customer).length
      const login = await client.insist({
        step: 'A4 sign in',
        path: '/oauth/v2/login',
        body: loginBody({ email: customer.email, password }),
      })
      seen.ownPassword.tried += 1
      if (login.status !== 200) {
        if (!isUnknown(login.status)) seen.ownPassword.refused.push(`${customer.code}: ${login.status}`)
        throw new GaveUp(`A4: ${login.status}`)
      }
      const [device] = login.body.challenge_type as string[]
      const sent = await ask(customer.email, {
        step: 'A4b send',
        path: '/oauth/v2/challenge',
        body: {
          challenge_type: device,
          client_timezone: '-3',
          mfa_token: login.body.mfa_token,
          response_type: 'code',
          state,
        },
      })
      const tokens = await answer(person, sent, 'A5 token', await confirmationOf(sent), (code) => ({
        path: '/oauth/v2/token',
        body: { grant_type: 'mfa_oob', mfa_token: sent.token, code },
      }))
      const accessToken = String(tokens.access_token)
      const session = String(claimsOf(accessToken).sid)
      seen.signIns.push({ customer, session, accessToken, refreshToken: String(tokens.refresh_token), grantsBefore })

      const asked = await ask(customer.email, {
        step: 'B5 change',
        method: 'GET',
        path: '/api/v2/my/2fa/challenge?businessProcess=changePassword',
        headers: bearer(accessToken),
      })
      const body = await answer(person, asked, 'B6 verify', await confirmationOf(asked), (code) => ({
        path: '/api/v2/my/2fa/challenge',
        body: { token: asked.token, code },
      }))
      await setPassword(person, grantOf(customer, 'change', body.successToken), 'B1 change', (password) => ({
        path: '/api/v2/my/password/change',
        headers: { ...bearer(accessToken), successToken: String(body.successToken) },
        body: { password },
      }))
    },
  }
}

export type Journeys = ReturnType<typeof createJourneys>
