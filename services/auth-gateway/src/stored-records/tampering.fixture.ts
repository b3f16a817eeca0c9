import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import {
  askChange,
  askLogin,
  askRestore,
  claimsOf,
  login,
  messageAfter,
  signIn,
  signInTokens,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import type { Redis } from 'ioredis'
import { bothKinds, webAppRedirect } from '../clients/registry.fixture.ts'

type Record_ = Record<string, string>

/** A key of Redis with its fields. */
export interface Stored {
  key: string
  fields: Record_
}

/** A flow up to a state that is in Redis, and the request that makes a token from it. */
export interface StoredFlow {
  name: string
  stored: Stored[]
  /** The request; repeatable once Redis has its former state again. */
  finish(): Promise<{ status: number; body: Record<string, unknown>; text: string }>
}

/** A client with every scope: what it may not have is refused because of the flow, not of its registration. */
const request = { ...bothKinds, redirect_uri: webAppRedirect }

/** Keys that hold no field of a token: quotas, failed attempts, and the list of sessions. */
const isCounter = (key: string) => /^rekey:\{limits\}:|:budget:|:sessions$/.test(key)

/** Flows of one customer, each stopped where its state is in Redis. */
export const createFlows = (rekey: Rekey, redis: Redis) => {
  const { http } = rekey
  const allKeys = async () => (await redis.keys('*')).filter((key) => !isCounter(key))
  const read = async (key: string): Promise<Stored> => ({ key, fields: await redis.hgetall(key) })

  const stop = async <T>(name: string, begin: () => Promise<T>, finishing: (begun: T) => StoredFlow['finish']) => {
    const before = new Set(await allKeys())
    const begun = await begin()
    const added = (await allKeys()).filter((key) => !before.has(key))
    const stored = await Promise.all(added.map(read))
    return { name, stored, finish: finishing(begun) } satisfies StoredFlow
  }

  const verify = (mfaToken: unknown, code: string, response_type: string) =>
    http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(mfaToken, code, { response_type, ...bothKinds }),
    )
  const answer = (token: unknown, code: string) => http.post('/api/v2/my/2fa/challenge', { token, code })

  return {
    /** Every kind of state that a flow leaves in Redis, for a new customer. */
    async all(): Promise<StoredFlow[]> {
      const customer: TestCustomer = await createCustomer(rekey.postgres.url)
      const access = await signIn(rekey, customer)
      const asked = () => askRestore(rekey, customer.email, request)
      const unauthorized = `/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=${encodeURIComponent(customer.email)}`
      return [
        await stop(
          'A1 → A2, sign_token',
          asked,
          ({ answer, confirmation }) =>
            () =>
              verify(answer.body.mfa_token, confirmation, 'sign_token'),
        ),
        await stop(
          'A2, code → A5',
          async () => {
            const { answer, confirmation } = await asked()
            return (await verify(answer.body.mfa_token, confirmation, 'code')).body.code
          },
          (code) => () => http.post('/oauth/v2/token', { grant_type: 'authorization_code', code, ...request }),
        ),
        await stop(
          'A4b → A5',
          () => askLogin(rekey, customer, request),
          ({ answer, confirmation }) =>
            () =>
              http.post('/oauth/v2/token', {
                grant_type: 'mfa_oob',
                mfa_token: answer.body.mfa_token,
                code: confirmation,
                ...bothKinds,
              }),
        ),
        await stop(
          'A5 → refresh',
          () => signInTokens(rekey, customer, request, bothKinds),
          ({ refresh_token }) =>
            () =>
              http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token, ...bothKinds }),
        ),
        await stop(
          'B5 → B6',
          () => askChange(rekey, customer, access),
          ({ answer: asked, confirmation }) =>
            () =>
              answer(asked.body.token, confirmation),
        ),
        await stop(
          'B5b → B6',
          () => messageAfter(rekey, customer.email, () => http.get(unauthorized)),
          ({ answer: asked, confirmation }) =>
            () =>
              answer(asked.body.token, confirmation),
        ),
      ]
    },

    /** A sign-in whose code is not sent yet: the next request sends it to the customer whom the challenge names. */
    async beforeCode(customer: TestCustomer): Promise<StoredFlow> {
      return stop(
        'A4 → A4b',
        async () => (await login(rekey, customer, request)).body,
        (body) => () =>
          http.post('/oauth/v2/challenge', {
            challenge_type: body.challenge_type[0],
            client_timezone: '-3',
            mfa_token: body.mfa_token,
            response_type: 'code',
            state,
            ...bothKinds,
          }),
      )
    },

    /** Gives Redis its former state again. */
    async putBack(stored: readonly Stored[]) {
      for (const { key, fields } of stored) {
        await redis.multi().del(key).hset(key, fields).pexpire(key, 600_000).exec()
      }
    },
  }
}

/** Flows whose answer was given before the state in Redis: its time must not change. */
const isAnswered = (name: string) => name === 'A2, code → A5' || name === 'A5 → refresh'

/** The rights that the token of an answer gives; undefined if there is none. */
export const rightsOf = ({ name }: StoredFlow, body: Record<string, unknown>) => {
  const token = body.access_token ?? body.sign_token ?? body.successToken
  if (token === undefined) return undefined
  const { iss, aud, sub, client_id, scope, purpose, challenge_id, session_epoch, sid, auth_time, iat, exp } = claimsOf(
    String(token),
  )
  return {
    ...{ iss, aud, sub, client_id, scope, purpose, challenge_id, session_epoch },
    lifeSeconds: Number(exp) - Number(iat),
    // Other flows make a session for each token.
    ...((name === 'A5 → refresh' || name === 'B5 → B6') && { sid }),
    ...(isAnswered(name) && { auth_time }),
  }
}
