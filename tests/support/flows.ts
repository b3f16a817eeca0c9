import { catalogues, languages, type TextKey } from '@rekey/texts'
import { eventually } from './eventually.ts'
import type { Http } from './http.ts'
import type { Inbox, ReceivedMessage } from './inbox.ts'
import { patiently } from './patiently.ts'

/** The steps of a person, over HTTP and the inbox alone. */
interface Rekey {
  http: Http
  inbox: Inbox
}

interface Person {
  email: string
  phone?: string
  password: string
}

export const state = '5e982a097260d146803b5da13b1a19c2'

const common = {
  client_id: 'ib_localhost',
  redirect_uri: 'http://localhost',
  response_type: 'code' as const,
  state,
  client_timezone: '-3',
  source_system: 'IB' as const,
  ip: '::1',
}

/** RFC 7636, Appendix B. */
export const codeVerifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
export const pkce = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' }

/** Finds digits after one of these labels, in any language. */
const afterLabel = (...keys: TextKey<'messages'>[]) => {
  const labels = languages.flatMap((language) => keys.map((key) => catalogues.messages[language][key]))
  return new RegExp(`^(?:${labels.join('|')}): (\\d+)$`, 'm')
}
const confirmation = afterLabel('code.confirmation', 'code.sms_confirmation')
const verification = afterLabel('code.verification', 'code.sms_verification')

/** The confirmation code and the verification code of a message. */
export const codesOf = ({ Text }: Pick<ReceivedMessage, 'Text'>) => ({
  confirmation: confirmation.exec(Text)?.[1] ?? '',
  verification: verification.exec(Text)?.[1] ?? '',
})

/** The link "it was not me" of a message; none if it has none. */
export const reportLinkOf = ({ Text }: Pick<ReceivedMessage, 'Text'>): string | undefined =>
  /https?:\/\/\S+\/n\/[\w-]{22}$/m.exec(Text)?.[0]

/** The handle of that link: the token of the page that it leads to. */
export const reportTokenOf = (message: Pick<ReceivedMessage, 'Text'>): string | undefined =>
  reportLinkOf(message)?.split('/').at(-1)

/** A wrong code of the same length. */
export const wrongCode = (code: string) => String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0')

export const restoreBody = (username: string, other: object = {}) => ({
  ...common,
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  username,
  ...other,
})

export const verificationBody = (mfaToken: unknown, code: string | number, other: object = {}) => ({
  code,
  grant_type: 'mfa_oob' as const,
  mfa_token: mfaToken as string,
  response_type: 'sign_token' as const,
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  state,
  ...other,
})

export const loginBody = (person: Person, other: object = {}) => ({
  ...common,
  scope: 'CUSTOMER:FULL',
  username: person.email,
  password: person.password,
  ...other,
})

/** The part of a request that authenticates its client, for the later steps. */
const credentialsOf = ({ client_id, client_secret }: { client_id?: string; client_secret?: string }) =>
  client_secret === undefined ? {} : { client_id, client_secret }

/** The claims of a token, not verified; none if it is no JWT. */
export const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}')

export const asBearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** The verification code that an `mfa_token` repeats. */
const verificationOf = (mfaToken: unknown) => String(claimsOf(String(mfaToken)).scope).replace('mfa_token:', '')

/** Sends a request and waits for the message whose verification code is that of the answer. */
export const messageAfter = async <A extends { body: object }>(rekey: Rekey, to: string, send: () => Promise<A>) => {
  const seen = new Set((await rekey.inbox.messagesTo(to)).map(({ ID }) => ID))
  const answer = await send()
  const { mfa_token, token, verification: shown } = answer.body as Record<string, unknown>
  const verification = shown ?? verificationOf(mfa_token ?? token)
  const message = await eventually(
    async () =>
      (await rekey.inbox.messagesTo(to)).find(
        (message) => !seen.has(message.ID) && codesOf(message).verification === verification,
      ),
    { what: `a code for ${to}` },
  )
  return { answer, message, ...codesOf(message) }
}

/** A1, up to the message. */
export const askRestore = (rekey: Rekey, username: string, other: object = {}) =>
  messageAfter(rekey, username, () => rekey.http.post('/oauth/v2/passwordRestore', restoreBody(username, other)))

/** A1 and A2: a success token for a restore; as an access token it is good for A3 too. */
export const restoreGrant = async (
  rekey: Rekey,
  person: Person,
  responseType: 'sign_token' | 'access_token' = 'sign_token',
  other: object = {},
): Promise<string> => {
  const { answer, confirmation } = await askRestore(rekey, person.email, other)
  const verified = await rekey.http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(answer.body.mfa_token, confirmation, { response_type: responseType, ...credentialsOf(other) }),
  )
  return String(verified.body[responseType])
}

/** B2. */
export const restore = (rekey: Rekey, successToken: string, password: string) =>
  rekey.http.post('/api/v2/my/password/restore', { password }, { successToken })

/** A4, sent again while other hashes keep the machine busy. */
export const login = ({ http }: Pick<Rekey, 'http'>, person: Person, other: object = {}) =>
  patiently(() =>
    http.post<{ mfa_token: string; challenge_type: string[] }>('/oauth/v2/login', loginBody(person, other)),
  )

/** True if A4 accepts the password, false if it refuses it. @throws Error on any other answer */
export const signsIn = async (rekey: Pick<Rekey, 'http'>, { email }: { email: string }, password: string) => {
  const { status, text } = await login(rekey, { email, password })
  if (status !== 200 && status !== 400) throw new Error(`a sign-in was answered ${status}: ${text}`)
  return status === 200
}

/** A3 with the access token of a restore. Without a password the customer gets a temporary one. */
export const reset = ({ http }: Pick<Rekey, 'http'>, accessToken: string, other: { password?: string } = {}) =>
  http.post(
    '/oauth/v2/passwordRestoreReset',
    { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB', ...other },
    asBearer(accessToken),
  )

/** The person's address that a device stands for. After a restore by mail A4 offers the phone only (S44). */
export const addressOf = (
  device: string | undefined,
  { email, phone = email }: Pick<Person, 'email' | 'phone'>,
): string => (device?.startsWith('oob:sms:') ? phone : email)

/** A4 and A4b: the code of a sign-in, sent to the first device that is offered. */
export const askLogin = async (rekey: Rekey, person: Person, other: object = {}) => {
  const { body } = await login(rekey, person, other)
  const [device] = body.challenge_type
  return messageAfter(rekey, addressOf(device, person), () =>
    rekey.http.post('/oauth/v2/challenge', {
      challenge_type: device,
      client_timezone: '-3',
      mfa_token: body.mfa_token,
      response_type: 'code',
      state,
      ...credentialsOf(other),
    }),
  )
}

/** A4, A4b, A5: the tokens of a sign-in. */
export const signInTokens = async (rekey: Rekey, person: Person, other: object = {}, client: object = {}) => {
  const { answer, confirmation } = await askLogin(rekey, person, { ...other, ...client })
  const { body } = await rekey.http.post<{ access_token: string; refresh_token: string }>('/oauth/v2/token', {
    grant_type: 'mfa_oob',
    mfa_token: answer.body.mfa_token,
    code: confirmation,
    ...client,
  })
  return body
}

/** A4, A4b, A5: an access token. */
export const signIn = async (rekey: Rekey, person: Person, other: object = {}): Promise<string> =>
  String((await signInTokens(rekey, person, other)).access_token)

/** B5, up to the message. */
export const askChange = (rekey: Rekey, person: Person, accessToken: string, businessProcess = 'changePassword') =>
  messageAfter(rekey, person.email, () =>
    rekey.http.get(`/api/v2/my/2fa/challenge?businessProcess=${businessProcess}`, asBearer(accessToken)),
  )

/** B5 and B6: a success token. */
const successTokenFor = (businessProcess: string) => async (rekey: Rekey, person: Person, accessToken: string) => {
  const { answer, confirmation } = await askChange(rekey, person, accessToken, businessProcess)
  const verified = await rekey.http.post('/api/v2/my/2fa/challenge', { token: answer.body.token, code: confirmation })
  return String(verified.body.successToken)
}

/** B5 and B6: a success token for a change of the password. */
export const changeGrant = successTokenFor('changePassword')

/** B5 and B6: a success token for a change of the second factors. */
export const factorsGrant = successTokenFor('changeFactors')

/** B1. */
export const change = (rekey: Rekey, accessToken: string, successToken: string, password: string) =>
  rekey.http.post('/api/v2/my/password/change', { password }, { ...asBearer(accessToken), successToken })

/** A back-office token by client credentials. */
export const backOfficeToken = async (rekey: Pick<Rekey, 'http'>): Promise<string> => {
  const token = await rekey.http.post('/oauth/v2/token', {
    grant_type: 'client_credentials',
    client_id: 'backend_fin',
    client_secret: 'secretkey',
  })
  return String(token.body.access_token)
}

/** Runs the same work many times at once. */
export const race = <T>(times: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, index) => work(index)))
