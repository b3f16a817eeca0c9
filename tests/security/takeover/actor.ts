import { scopes } from '@rekey/contracts'
import type { TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, claimsOf, login, reset, restore, restoreBody, verificationBody } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import type { Rekey } from '@rekey/test-support/rekey'
import { createWaiter } from '../../../services/auth-gateway/src/second-proofs/waiting-restores.fixture.ts'
import { createApp } from './app.ts'
import { challengePath, createProofs, type Given, isString, type Means } from './proofs.ts'

/** Somebody who goes through flows over HTTP. Each returns undefined if it is refused, or if they cannot answer. */
export const createActor = (rekey: Rekey, customer: TestCustomer, means: Means) => {
  const { http, clock } = rekey
  const { email: username } = customer
  const { addresses, reads, apps } = means
  const { known, codeTo, submitted, byApp, byPasskey, canUseApp, sendTo, prove } = createProofs(rekey, customer, means)

  /** The grant with a second proof, if an answer asks for one. */
  const secondGrant = async ({ body }: Answer): Promise<string | undefined> => {
    if (!isString(body.mfaToken)) return undefined
    for (const way of body.challengeTypes as string[]) {
      const answer = await prove(
        body.mfaToken,
        way,
        (token) => (given) => http.post(challengePath, { token, ...given }),
      )
      if (isString(answer?.body.successToken)) return answer.body.successToken
    }
    return undefined
  }

  /** A1, A2. */
  const restoreGrant = async (to: string, responseType = 'sign_token'): Promise<string | undefined> => {
    const sent = await codeTo(to, () => http.post('/oauth/v2/passwordRestore', restoreBody(to)))
    if (!sent) return undefined
    const { body } = await submitted(sent, (given) =>
      http.post('/oauth/v2/passwordRestoreVerification', {
        ...verificationBody(sent.token, ''),
        ...given,
        response_type: responseType,
      }),
    )
    return (body.sign_token ?? body.access_token) as string | undefined
  }

  /** B2, with a second proof if it is asked for. */
  const setByGrant = async (grant: string, password: string): Promise<boolean> => {
    const answer = await restore(rekey, grant, password)
    if (answer.status === 204) return true
    const second = await secondGrant(answer)
    return second !== undefined && (await restore(rekey, second, password)).status === 204
  }

  /** A1, A2, B2, A4b with `unavailable`. @returns whether a restore waits */
  const openWaiting = async (address: string, password: string): Promise<boolean> => {
    const grant = await restoreGrant(address)
    const { body } = grant === undefined ? { body: {} as Answer['body'] } : await restore(rekey, grant, password)
    if (!isString(body.mfaToken)) return false
    return (await sendTo(body.mfaToken, 'unavailable')).body.error === 'restore_waiting'
  }

  /** B5, B6. */
  const successToken = async (bearer: string, businessProcess: string): Promise<string | undefined> => {
    const open = () => http.get(`${challengePath}?businessProcess=${businessProcess}`, asBearer(bearer))
    const submit = (token: string) => (given: Given) => http.post(challengePath, { token, ...given })
    const email = known.find((address) => address.includes('@'))
    const { body } = businessProcess === 'changeFactors' ? await open() : { body: {} as Answer['body'] }
    if (body.provider === 'otp' || body.provider === 'webauthn') {
      const token = String(body.token)
      const answer = canUseApp() ? await byApp(token, submit(token)) : await byPasskey({ body }, submit(token))
      return answer?.body.successToken as string | undefined
    }
    const sent = email && (await codeTo(email, open))
    return sent ? ((await submitted(sent, submit(sent.token))).body.successToken as string | undefined) : undefined
  }

  /** The temporary password that was sent last. */
  const temporarySent = async () => {
    for (const { To, Text } of await rekey.inbox.messages()) {
      const to = addresses.find((address) => To.some(({ Address }) => Address === address))
      const password = /^Temporary password: (\S+)$/m.exec(Text)?.[1]
      if (to && password) return { to, password }
    }
    return undefined
  }

  return {
    restoreGrant,
    setByGrant,
    openWaiting,

    /** A1, A2, B2 by any of the addresses. */
    async restore(password: string): Promise<boolean> {
      for (const address of known) {
        const grant = await restoreGrant(address)
        if (grant !== undefined && (await setByGrant(grant, password))) return true
      }
      return false
    },

    /** A restore that waits; then, after the wait, another one by the same address. */
    async waitAndRestore(password: string): Promise<boolean> {
      const waiter = createWaiter(rekey)
      for (const address of reads) {
        if (!(await openWaiting(address, password))) continue
        await waiter.wait(customer.id)
        const later = await restoreGrant(address)
        if (later !== undefined && (await restore(rekey, later, password)).status === 204) return true
      }
      return false
    },

    /** A1, A2, A3 without a password: the temporary password that is sent. */
    async temporaryPassword(): Promise<string | undefined> {
      for (const address of reads) {
        const grant = await restoreGrant(address, 'access_token')
        if (grant === undefined || (await reset(rekey, grant)).status !== 200) continue
        const { to, password } = await eventually(temporarySent, { what: `a temporary password for ${username}` })
        if (reads.includes(to)) return password
      }
      return undefined
    },

    /** A4, A4b, A5: an access token. */
    async signIn(password: string): Promise<string | undefined> {
      const { body: offered } = await login(rekey, { email: username, password })
      for (const way of offered.challenge_type ?? []) {
        const { body } = await login(rekey, { email: username, password })
        const answer = await prove(
          body.mfa_token,
          way,
          (mfa_token, grant_type) => (given) => http.post('/oauth/v2/token', { grant_type, mfa_token, ...given }),
        )
        if (isString(answer?.body.access_token)) return answer.body.access_token
      }
      return undefined
    },

    /** B5, B6, B1. The token of a sign-in that can only change the password is tried as the grant first. */
    async change(bearer: string, password: string, currentPassword: string | undefined): Promise<boolean> {
      const set = (token: string) =>
        http.post(
          '/api/v2/my/password/change',
          { password, ...(currentPassword !== undefined && { currentPassword }) },
          { ...asBearer(bearer), successToken: token },
        )
      if (claimsOf(bearer).scope === scopes.change && (await set(bearer)).status === 204) return true
      const grant = await successToken(bearer, 'changePassword')
      if (grant === undefined) return false
      const answer = await set(grant)
      if (answer.status === 204) return true
      const second = await secondGrant(answer)
      return second !== undefined && (await set(second)).status === 204
    },

    /** C2, C3: adds an authenticator app of their own. */
    async addApp(bearer: string): Promise<boolean> {
      const grant = await successToken(bearer, 'changeFactors')
      if (grant === undefined) return false
      const headers = { ...asBearer(bearer), successToken: grant }
      const { status, body } = await http.post('/api/v2/my/factors/totp', { label: 'a phone' }, headers)
      if (status !== 201) return false
      const app = createApp(String(body.secret), clock.now)
      const confirmed = await http.post(
        `/api/v2/my/factors/totp/${body.id}/confirm`,
        { code: await app.next() },
        headers,
      )
      if (confirmed.status === 204) apps.push(app)
      return confirmed.status === 204
    },
  }
}

export type Actor = ReturnType<typeof createActor>
