import { challengeType, parseUsername, scopes } from '@rekey/contracts'
import { sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  claimsOf,
  codesOf,
  login,
  reset,
  restore,
  restoreBody,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import type { Rekey } from '@rekey/test-support/rekey'
import { type App, createApp } from './app.ts'

/** What somebody can answer a challenge with. */
export interface Means {
  /** All addresses of the customer. */
  addresses: readonly string[]
  /** Those whose messages they read. */
  reads: readonly string[]
  /** Their authenticator apps. */
  apps: App[]
  /** Guesses a code that they do not read. Absent: they do not guess. */
  guess?: Guess
}

export type Submit = (code: string) => Promise<Answer>
export interface Guess {
  /** The customer's apps, whose codes are guessed. */
  apps: readonly App[]
  /** Submits wrong codes of a challenge before the right one. */
  wrong(token: string, submit: Submit): Promise<void>
}

/** A code that was sent. */
interface Sent {
  token: string
  to: string
  code: string
}

const challengePath = '/api/v2/my/2fa/challenge'
const isString = (value: unknown): value is string => typeof value === 'string'

/** Somebody who goes through flows over HTTP. Each returns undefined if it is refused, or if they cannot answer. */
export const createActor = (rekey: Rekey, customer: TestCustomer, { addresses, reads, apps, guess }: Means) => {
  const { http, clock } = rekey
  const { email: username } = customer
  /** Addresses whose codes they have, those that they read first. */
  const known = guess ? [...new Set([...reads, ...addresses])] : reads

  /** True once a code to the customer was suppressed, as during a lockout. */
  const isSuppressed = async () => {
    const text = "SELECT 1 FROM message WHERE customer_id = $1 AND status = 'suppressed' LIMIT 1"
    return (await sql(rekey.postgres.url, text, [customer.id])).length > 0
  }

  /** The code that a request sends to an address. Undefined if the request is refused, or the code suppressed. */
  const codeTo = async (to: string, request: () => Promise<Answer>): Promise<Sent | undefined> => {
    const { status, body } = await request()
    const token = body.mfa_token ?? body.token
    if (status !== 200 || !isString(token)) return undefined
    // A second proof's token is sealed: its answer has the code that the message repeats.
    const shown = body.code ?? String(claimsOf(token).scope).replace('mfa_token:', '')
    const isOfRequest = (message: ReceivedMessage) => codesOf(message).verification === shown
    const code = async () => {
      const message = (await rekey.inbox.messagesTo(to)).find(isOfRequest)
      if (message) return codesOf(message).confirmation
      return (await isSuppressed()) ? 'suppressed' : undefined
    }
    const found = await eventually(code, { what: `a code for ${to}` })
    return found === 'suppressed' ? undefined : { token, to, code: found }
  }
  const submitted = async ({ token, to, code }: Sent, submit: Submit): Promise<Answer> => {
    if (!reads.includes(to)) await guess?.wrong(token, submit)
    return submit(code)
  }
  const byApp = async (token: string, submit: Submit): Promise<Answer | undefined> => {
    for (const app of apps) {
      const answer = await submit(await app.next())
      if (answer.status === 200) return answer
    }
    const [guessed] = guess?.apps ?? []
    if (!guessed) return undefined
    await guess?.wrong(token, submit)
    return submit(await guessed.next())
  }
  const canUseApp = () => apps.length > 0 || (guess?.apps.length ?? 0) > 0

  const sendTo = (mfaToken: string, device: string) =>
    http.post('/oauth/v2/challenge', {
      challenge_type: device,
      client_timezone: '-3',
      mfa_token: mfaToken,
      response_type: 'code',
      state,
    })
  const addressOf = (device: string) => known.find((address) => challengeType(parseUsername(address)) === device)

  /** Answers the challenge of a token by one of its ways. */
  const prove = async (
    mfaToken: string,
    way: string,
    submit: (token: string, grantType: string) => Submit,
  ): Promise<Answer | undefined> => {
    if (way === 'otp') return canUseApp() ? byApp(mfaToken, submit(mfaToken, 'mfa_otp')) : undefined
    const to = addressOf(way)
    const sent = to && (await codeTo(to, () => sendTo(mfaToken, way)))
    return sent ? submitted(sent, submit(sent.token, 'mfa_oob')) : undefined
  }

  /** The grant with a second proof, if an answer asks for one. */
  const secondGrant = async ({ body }: Answer): Promise<string | undefined> => {
    if (!isString(body.mfaToken)) return undefined
    for (const way of body.challengeTypes as string[]) {
      const answer = await prove(body.mfaToken, way, (token) => (code) => http.post(challengePath, { token, code }))
      if (isString(answer?.body.successToken)) return answer.body.successToken
    }
    return undefined
  }

  /** A1, A2. */
  const restoreGrant = async (to: string, responseType = 'sign_token'): Promise<string | undefined> => {
    const sent = await codeTo(to, () => http.post('/oauth/v2/passwordRestore', restoreBody(to)))
    if (!sent) return undefined
    const { body } = await submitted(sent, (code) =>
      http.post('/oauth/v2/passwordRestoreVerification', {
        ...verificationBody(sent.token, code),
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

  /** B5, B6. */
  const successToken = async (bearer: string, businessProcess: string): Promise<string | undefined> => {
    const open = () => http.get(`${challengePath}?businessProcess=${businessProcess}`, asBearer(bearer))
    const submit = (token: string) => (code: string) => http.post(challengePath, { token, code })
    const email = known.find((address) => address.includes('@'))
    const { body } = businessProcess === 'changeFactors' ? await open() : { body: {} as Answer['body'] }
    if (body.provider === 'otp') {
      const token = String(body.token)
      return (canUseApp() ? await byApp(token, submit(token)) : undefined)?.body.successToken as string | undefined
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

    /** A1, A2, B2 by any of the addresses. */
    async restore(password: string): Promise<boolean> {
      for (const address of known) {
        const grant = await restoreGrant(address)
        if (grant !== undefined && (await setByGrant(grant, password))) return true
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
          (mfa_token, grant_type) => (code) => http.post('/oauth/v2/token', { grant_type, mfa_token, code }),
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
