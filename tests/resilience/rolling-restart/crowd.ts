import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestCustomer } from '@rekey/test-support/customers'
import {
  addressOf,
  claimsOf,
  codesOf,
  loginBody,
  restoreBody,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import { type Answer, createHttp } from '@rekey/test-support/http'
import type { Mailbox } from '../mailbox.ts'

/** A request of a journey, before it is sent. */
export interface CrowdRequest {
  kind: 'restore' | 'sign-in' | 'history'
  /** Number of the journey among those of its kind, and of its request, each from 0. */
  journey: number
  step: number
}

interface Options {
  /** Origin of the gateways: one for all requests, or one for each. */
  origin: string | ((request: CrowdRequest) => string)
  mailbox: Mailbox
}

/** Includes a restart of the notifier. */
const mailTimeoutMs = 60_000
const restMs = 20

/** Customers who expect every request to succeed: each failure is recorded and ends the journey. */
export const createCrowd = ({ origin, mailbox }: Options) => {
  const clients = new Map<string, ReturnType<typeof createHttp>>()
  const clientOf = (request: CrowdRequest) => {
    const at = typeof origin === 'string' ? origin : origin(request)
    const client = clients.get(at) ?? createHttp(at)
    clients.set(at, client)
    return client
  }
  const journeys = { restore: 0, 'sign-in': 0, history: 0 }
  /** @returns the client of each next request */
  const begin = (kind: CrowdRequest['kind']) => {
    const journey = journeys[kind]++
    let step = 0
    return () => clientOf({ kind, journey, step: step++ })
  }
  const stopping = new AbortController()
  const answered = new Map<string, number>()
  const failures: string[] = []

  const expect = async (step: string, status: number, ask: () => Promise<Answer>) => {
    const answer = await ask().catch((error: Error) => `${error.message}: ${error.cause}`)
    if (typeof answer === 'string' || answer.status !== status) {
      failures.push(`${step}: ${typeof answer === 'string' ? answer : `${answer.status} ${answer.text}`}`)
      throw new Error(step)
    }
    answered.set(step, (answered.get(step) ?? 0) + 1)
    return answer.body
  }

  /** The confirmation code of the mail that belongs to an answer. */
  const codeOf = async (step: string, to: string, { mfa_token, code }: Record<string, unknown>) => {
    const challengeId = String(claimsOf(String(mfa_token)).sub)
    const message = await mailbox.waitFor(
      to,
      (message) => message.MessageID.startsWith(challengeId) && codesOf(message).verification === code,
      { timeoutMs: mailTimeoutMs, signal: new AbortController().signal },
    )
    if (!message) {
      failures.push(`${step}: no mail`)
      throw new Error(step)
    }
    return codesOf(message).confirmation
  }

  const restore = async (customer: TestCustomer) => {
    const http = begin('restore')
    const asked = await expect('A1', 200, () => http().post('/oauth/v2/passwordRestore', restoreBody(customer.email)))
    const code = await codeOf('A1', customer.email, asked)
    const { sign_token } = await expect('A2', 200, () =>
      http().post('/oauth/v2/passwordRestoreVerification', verificationBody(asked.mfa_token, code)),
    )
    const password = `new ${randomUUID()}`
    await expect('B2', 204, () =>
      http().post('/api/v2/my/password/restore', { password }, { successToken: String(sign_token) }),
    )
    await expect('A4', 200, () => http().post('/oauth/v2/login', loginBody({ ...customer, password })))
  }

  const signIn = async (customer: TestCustomer) => {
    const http = begin('sign-in')
    const login = await expect('A4', 200, () => http().post('/oauth/v2/login', loginBody(customer)))
    const [device] = login.challenge_type as string[]
    const sent = await expect('A4b', 200, () =>
      http().post('/oauth/v2/challenge', {
        challenge_type: device,
        client_timezone: '-3',
        mfa_token: login.mfa_token,
        response_type: 'code',
        state,
      }),
    )
    const code = await codeOf('A4b', addressOf(device, customer), sent)
    const { access_token } = await expect('A5', 200, () =>
      http().post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token: sent.mfa_token, code }),
    )
    return { authorization: `Bearer ${access_token}` }
  }

  const readHistory = async (headers: { authorization: string }) => {
    const http = begin('history')
    await expect('B3', 200, () => http().get('/api/v2/my/password/changes', headers))
  }

  /** Repeats a journey until stopped. */
  const repeat = async (journey: () => Promise<unknown>) => {
    while (!stopping.signal.aborted) {
      // The failure is recorded already.
      await journey().catch(() => {})
      await delay(restMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  return {
    failures,
    answered: (step: string) => answered.get(step) ?? 0,
    restore,
    signIn,
    readHistory,
    repeat,
    stop: () => stopping.abort(),
  }
}
