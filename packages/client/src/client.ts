import type {
  AnswerChallenge,
  AnswerChallengeBody,
  ChangePasswordBody,
  CodeSent,
  GetPasswordChange,
  ListPasswordChanges,
  Login,
  LoginBody,
  OpenChallenge,
  OpenUnauthorizedChallenge,
  OpenUnauthorizedChallengeQuery,
  Page,
  PasswordRestoreBody,
  PasswordRestoreVerification,
  PasswordRestoreVerificationBody,
  SendChallengeBody,
  SetClientPasswordBody,
  TokenAnswer,
  TokenBody,
} from '@rekey/contracts'
import { createHttp } from './http.ts'

type Answer<Route extends { response: { 200: { static: unknown } } }> = Route['response'][200]['static']

export interface ClientOptions {
  /** Where the gateway is: `https://id.example.com`, with or without a path. */
  baseUrl: string
  /** Replaces the global one: to add a time limit, say. */
  fetch?: typeof globalThis.fetch
}

interface Bearer {
  accessToken: string
}

/** The gateway's HTTP API. Every method throws `RekeyHttpError` for an answer that is not a success. */
export interface RekeyClient {
  /** A1. Sends a code to whoever forgot a password. The answer is the same whether the account exists or not. */
  requestRestore(body: PasswordRestoreBody): Promise<CodeSent>
  /** A2. Trades the code for a token, or an authorization code, by `response_type`. */
  verifyRestore(body: PasswordRestoreVerificationBody): Promise<Answer<typeof PasswordRestoreVerification>>
  /** A4. The password, before the code. */
  login(body: LoginBody): Promise<Answer<typeof Login>>
  /** A4b. Sends a code to a device, or sends it again. */
  sendChallenge(body: SendChallengeBody): Promise<CodeSent>
  /** A5. */
  token(body: TokenBody): Promise<TokenAnswer>
  /** B5. Sends a code to the signed-in customer, to change the password. */
  openChallenge(ask: Bearer): Promise<Answer<typeof OpenChallenge>>
  /** B5b. Sends a code to whoever forgot a password, by exactly one of `email` and `phone`. */
  openUnauthorizedChallenge(
    ask: Omit<OpenUnauthorizedChallengeQuery, 'businessProcess'>,
  ): Promise<Answer<typeof OpenUnauthorizedChallenge>>
  /** B6. Trades the code for a success token. */
  answerChallenge(body: AnswerChallengeBody): Promise<Answer<typeof AnswerChallenge>>
  /** B1. */
  changePassword(ask: Bearer & { successToken: string } & ChangePasswordBody): Promise<void>
  /** B2. */
  restorePassword(ask: { successToken: string; password: string }): Promise<void>
  /** B3. */
  listPasswordChanges(ask: Bearer & Partial<Page>): Promise<Answer<typeof ListPasswordChanges>>
  /** B4. */
  getPasswordChange(ask: Bearer & { changeId: number }): Promise<Answer<typeof GetPasswordChange>>
  /** B7. `clientId` is the customer's id, as the published contract names it. */
  setClientPassword(ask: Bearer & { clientId: number } & SetClientPasswordBody): Promise<void>
}

export const createClient = ({ baseUrl, fetch = globalThis.fetch }: ClientOptions): RekeyClient => {
  const send = createHttp(baseUrl, fetch)
  return {
    requestRestore: (body) => send('POST', '/oauth/v2/passwordRestore', { body }),
    verifyRestore: (body) => send('POST', '/oauth/v2/passwordRestoreVerification', { body }),
    login: (body) => send('POST', '/oauth/v2/login', { body }),
    sendChallenge: (body) => send('POST', '/oauth/v2/challenge', { body }),
    token: (body) => send('POST', '/oauth/v2/token', { body }),
    openChallenge: ({ accessToken }) =>
      send('GET', '/api/v2/my/2fa/challenge', { accessToken, query: { businessProcess: 'changePassword' } }),
    openUnauthorizedChallenge: (ask) =>
      send('GET', '/api/v2/my/2fa/unauthorized/challenge', { query: { businessProcess: 'restorePassword', ...ask } }),
    answerChallenge: (body) => send('POST', '/api/v2/my/2fa/challenge', { body }),
    async changePassword({ accessToken, successToken, ...body }) {
      await send('POST', '/api/v2/my/password/change', { accessToken, successToken, body })
    },
    async restorePassword({ successToken, password }) {
      await send('POST', '/api/v2/my/password/restore', { successToken, body: { password } })
    },
    listPasswordChanges: ({ accessToken, ...query }) =>
      send('GET', '/api/v2/my/password/changes', { accessToken, query }),
    getPasswordChange: ({ accessToken, changeId }) =>
      send('GET', `/api/v2/my/password/changes/${changeId}`, { accessToken }),
    async setClientPassword({ accessToken, clientId, ...body }) {
      await send('PUT', `/api/v2/clients/${clientId}/password`, { accessToken, body })
    },
  }
}
