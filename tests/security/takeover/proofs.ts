import { challengeType, parseUsername } from '@rekey/contracts'
import type { Authenticator } from '@rekey/test-support/authenticator'
import { sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { claimsOf, codesOf, state } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import type { Rekey } from '@rekey/test-support/rekey'
import type { App } from './app.ts'

type PasskeyRequest = Parameters<Authenticator['get']>[0]

/** What somebody can answer a challenge with. */
export interface Means {
  /** All addresses of the customer. */
  addresses: readonly string[]
  /** Those whose messages they read. */
  reads: readonly string[]
  /** Their authenticator apps. */
  apps: App[]
  /** Their passkeys. */
  passkeys: readonly Authenticator[]
  /** Guesses a code that they do not read. Absent: they do not guess. */
  guess?: Guess
}

/** What answers a challenge. */
export type Given = { code: string } | { credential: object }
export type Submit = (given: Given) => Promise<Answer>
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

/** B6. */
export const challengePath = '/api/v2/my/2fa/challenge'
export const isString = (value: unknown): value is string => typeof value === 'string'

/** Answers challenges by what somebody has. */
export const createProofs = (rekey: Rekey, customer: TestCustomer, means: Means) => {
  const { addresses, reads, apps, passkeys, guess } = means
  const { http } = rekey
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
    return submit({ code })
  }
  const byApp = async (token: string, submit: Submit): Promise<Answer | undefined> => {
    for (const app of apps) {
      const answer = await submit({ code: await app.next() })
      if (answer.status === 200) return answer
    }
    const [guessed] = guess?.apps ?? []
    if (!guessed) return undefined
    await guess?.wrong(token, submit)
    return submit({ code: await guessed.next() })
  }
  /** Answers the request for a passkey that another answer has. */
  const byPasskey = async ({ body }: Pick<Answer, 'body'>, submit: Submit): Promise<Answer | undefined> => {
    const asked = body.publicKey as (PasskeyRequest & { allowCredentials: { id: string }[] }) | undefined
    const passkey = passkeys.find(({ id }) => asked?.allowCredentials.some((allowed) => allowed.id === id))
    return asked && passkey ? submit({ credential: passkey.get(asked) }) : undefined
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
    if (way === 'webauthn') {
      const asked = passkeys.length > 0 ? await sendTo(mfaToken, way) : undefined
      return asked && byPasskey(asked, submit(String(asked.body.mfa_token), 'mfa_webauthn'))
    }
    const to = addressOf(way)
    const sent = to && (await codeTo(to, () => sendTo(mfaToken, way)))
    return sent ? submitted(sent, submit(sent.token, 'mfa_oob')) : undefined
  }

  return { known, codeTo, submitted, byApp, byPasskey, canUseApp, sendTo, prove }
}
