import { randomBytes } from 'node:crypto'
import { waitUntil } from '@rekey/local-servers/wait-until'
import type { Settings } from './settings.ts'

// The second demo customer: the banner's example changes the first one's password.
const username = 'bpmtestusr2@gmail.com'
const state = 'sandbox-check'
const client = {
  client_id: 'ib_localhost',
  client_timezone: '+0',
  redirect_uri: 'http://localhost',
  source_system: 'IB',
  state,
  username,
}

type Json = Record<string, unknown>

/** A text field of an answer. @throws Error if it is missing */
const text = (body: Json, name: string) => {
  const value = body[name]
  if (typeof value !== 'string' || value === '') throw new Error(`the answer has no ${name}`)
  return value
}

const createCaller =
  (gateway: string) => async (path: string, expected: number, init: RequestInit & { json?: Json }) => {
    const { json, headers, ...rest } = init
    const response = await fetch(`${gateway}${path}`, {
      ...rest,
      ...(json && { method: 'POST', body: JSON.stringify(json) }),
      headers: { ...(json && { 'content-type': 'application/json' }), ...(headers as Record<string, string>) },
      signal: AbortSignal.timeout(10_000),
    })
    const body = await response.text()
    if (response.status !== expected) throw new Error(`${path} answered ${response.status}, not ${expected}: ${body}`)
    return (body ? JSON.parse(body) : {}) as Json
  }

const createMailbox = (inbox: string) => {
  const getJson = async (path: string) => (await fetch(`${inbox}/api/v1/${path}`)).json()
  return {
    /** Waits for the message with this verification code and returns its confirmation code. */
    confirmationCode: (verificationCode: string, since: Date) =>
      waitUntil(
        async () => {
          const { messages } = (await getJson('messages?limit=20')) as { messages: { ID: string; Created: string }[] }
          for (const { ID } of messages.filter(({ Created }) => new Date(Created) >= since)) {
            const { Text } = (await getJson(`message/${ID}`)) as { Text: string }
            if (!Text.includes(`Verification code: ${verificationCode}`)) continue
            return /^Confirmation code: (\d+)\s*$/m.exec(Text)?.[1]
          }
          return undefined
        },
        { what: 'the mail with the code', timeoutMs: 15_000, intervalMs: 20 },
      ),
  }
}

/**
 * Restores a password from end to end over HTTP and the inbox, signs in with it and looks it up in the history.
 * Prints each step with its time.
 * @throws Error naming the step that failed.
 */
export const checkRestore = async ({ port, inboxPort }: Settings, say: (line: string) => void) => {
  const call = createCaller(`http://localhost:${port}`)
  const mailbox = createMailbox(`http://localhost:${inboxPort}`)
  const begun = performance.now()
  const step = async <T>(name: string, run: () => Promise<T>) => {
    const from = performance.now()
    try {
      const result = await run()
      say(`  ${name.padEnd(40)} ${Math.round(performance.now() - from)} ms`)
      return result
    } catch (error) {
      throw new Error(`check failed at "${name}": ${(error as Error).message}`, { cause: error })
    }
  }
  const password = `Sandbox ${randomBytes(12).toString('base64url')}`
  const restoreScope = 'CUSTOMER:PASSWORD:RESTORE'
  const since = new Date()

  const asked = await step('ask for a restore', () =>
    call('/oauth/v2/passwordRestore', 200, {
      json: { ...client, response_type: 'sign_token', scope: restoreScope },
    }),
  )
  const restoreCode = await step('receive the code by mail', () => mailbox.confirmationCode(text(asked, 'code'), since))
  const verified = await step('confirm the code', () =>
    call('/oauth/v2/passwordRestoreVerification', 200, {
      json: {
        code: restoreCode,
        grant_type: 'mfa_oob',
        mfa_token: text(asked, 'mfa_token'),
        response_type: 'sign_token',
        scope: restoreScope,
        state,
      },
    }),
  )
  await step('set a new password', () =>
    call('/api/v2/my/password/restore', 204, {
      json: { password },
      headers: { successToken: text(verified, 'sign_token') },
    }),
  )
  const login = await step('sign in with it', () =>
    call('/oauth/v2/login', 200, {
      json: { ...client, ip: '127.0.0.1', response_type: 'access_token', scope: 'CUSTOMER:FULL', password },
    }),
  )
  const challenge = await step('ask for the sign-in code', () =>
    call('/oauth/v2/challenge', 200, {
      json: {
        challenge_type: (login.challenge_type as string[]).find((device) => device.startsWith('oob:email:')),
        client_timezone: '+0',
        mfa_token: text(login, 'mfa_token'),
        response_type: 'access_token',
        state,
      },
    }),
  )
  const loginCode = await step('receive it by mail', () => mailbox.confirmationCode(text(challenge, 'code'), since))
  const session = await step('get an access token', () =>
    call('/oauth/v2/token', 200, {
      json: {
        grant_type: 'mfa_oob',
        client_id: client.client_id,
        mfa_token: text(challenge, 'mfa_token'),
        code: loginCode,
        scope: 'CUSTOMER:FULL',
        state,
      },
    }),
  )
  await step('see the restore in the history', async () => {
    const { data } = await call('/api/v2/my/password/changes?limit=1', 200, {
      headers: { authorization: `Bearer ${text(session, 'access_token')}` },
    })
    const [newest] = data as { type: string; createTime: string }[]
    const isNew = newest && new Date(newest.createTime).getTime() >= since.getTime() - 1_000
    if (newest?.type !== 'restored' || !isNew) throw new Error(`the newest change is ${JSON.stringify(newest)}`)
  })
  say(`ok ${Math.round(performance.now() - begun)} ms`)
}
