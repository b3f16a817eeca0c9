// Restores a password over HTTP, from the request to the new password. Run it against the sandbox:
//
//   npm start                                                    in one terminal
//   node_modules/.bin/node examples/restore.ts [USERNAME [NEW_PASSWORD]]
//
// REKEY_URL and INBOX_URL name another gateway and inbox. A real client asks its user for the code of the mail; this
// example reads it from the sandbox's inbox.
import { setTimeout as delay } from 'node:timers/promises'

const { REKEY_URL = 'http://localhost:8080', INBOX_URL = 'http://localhost:8025' } = process.env
const [username = 'bpmtestusr1@gmail.com', password = 'correct horse battery staple'] = process.argv.slice(2)
const scope = 'CUSTOMER:PASSWORD:RESTORE'
const state = crypto.randomUUID()

/** Retries after a 503. @throws Error with status and body unless the answer is 2xx */
const post = async (
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Record<string, string>> => {
  const response = await fetch(`${REKEY_URL}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  if (response.status === 503) {
    await delay(Number(response.headers.get('retry-after') ?? 1) * 1_000)
    return post(path, body, headers)
  }
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
  return text ? JSON.parse(text) : {}
}

const getMail = async (path: string) => (await fetch(`${INBOX_URL}/api/v1/${path}`)).json()

/** Waits for the mail with this verification code: another mail may belong to another request. */
const readConfirmationCode = async (verificationCode: string) => {
  for (let tries = 0; tries < 60; tries += 1) {
    const { messages } = (await getMail('messages?limit=20')) as { messages: { ID: string }[] }
    for (const { ID } of messages) {
      const { Text } = (await getMail(`message/${ID}`)) as { Text: string }
      const [, code] = /^Confirmation code: (\d+)\s*$/m.exec(Text) ?? []
      if (code && Text.includes(`Verification code: ${verificationCode}`)) return code
    }
    await delay(500)
  }
  throw new Error(`no mail with verification code ${verificationCode}: is ${username} a customer?`)
}

// The answer is the same whether or not the account exists.
const challenge = await post('/oauth/v2/passwordRestore', {
  response_type: 'code',
  client_id: 'ib_localhost',
  redirect_uri: 'http://localhost',
  scope,
  state,
  username,
  ip: '::1',
  client_timezone: '-3',
  source_system: 'IB',
})
console.log(`A mail with verification code ${challenge.code} is on its way.`)

const { sign_token } = await post('/oauth/v2/passwordRestoreVerification', {
  code: await readConfirmationCode(challenge.code ?? ''),
  grant_type: 'mfa_oob',
  mfa_token: challenge.mfa_token,
  response_type: 'sign_token',
  scope,
  state,
})

// The token sets one password. A password that the policy refuses (422) does not spend it: send another.
await post('/api/v2/my/password/restore', { password }, { successToken: sign_token ?? '' })
console.log(`${username} has a new password. Every session of the customer is over.`)
