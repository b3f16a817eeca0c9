import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type EventData, RestoreRequested } from '@rekey/contracts'
import { toKeys } from '@rekey/platform/keys'
import { unseal } from '@rekey/platform/seal'
import { connect } from 'nats'

/** Restores that are asked for at a time. */
const atOnce = 50

interface Rekey {
  gateway: { url: string }
  nats: { url: string }
  keys: { authGateway: string }
}

/**
 * Opens restores of these accounts (B5b), which need not exist, and reads their codes with the key of the notifier.
 *
 * @returns the bodies that answer them (B6)
 */
export const openRestores = async ({ gateway, nats, keys }: Rekey, usernames: string[]): Promise<string[]> => {
  const count = usernames.length
  const secrets = parseEnv(readFileSync(keys.authGateway, 'utf8'))
  const sealKeys = toKeys(secrets.REKEY_CODE_SEAL_KEY ?? '')
  const codes = new Map<string, string>()
  const broker = await connect({ servers: nats.url })
  const events = broker.subscribe(RestoreRequested.type, { max: count })
  const reading = (async () => {
    for await (const event of events) {
      const { challengeId, code } = event.json<EventData<typeof RestoreRequested>>()
      codes.set(challengeId, await unseal(sealKeys, challengeId, code))
    }
  })()
  await broker.flush()
  const tokens: string[] = []
  const ask = async (username: string) => {
    const path = `/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=${encodeURIComponent(username)}`
    const answer = await fetch(`${gateway.url}${path}`)
    tokens.push(((await answer.json()) as { token: string }).token)
  }
  for (let index = 0; index < count; index += atOnce) {
    await Promise.all(usernames.slice(index, index + atOnce).map(ask))
  }
  await reading
  await broker.close()
  const challengeOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sub
  return tokens.map((token) => JSON.stringify({ token, code: codes.get(challengeOf(token)) }))
}

/** Answers restores (B6). @returns the success tokens, which set a new password (B2) */
export const answerRestores = async ({ gateway }: Pick<Rekey, 'gateway'>, bodies: string[]): Promise<string[]> => {
  const tokens: string[] = []
  const answer = async (body: string) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${gateway.url}/api/v2/my/2fa/challenge`, { method: 'POST', headers, body })
    tokens.push(((await response.json()) as { successToken: string }).successToken)
  }
  for (let index = 0; index < bodies.length; index += atOnce) {
    await Promise.all(bodies.slice(index, index + atOnce).map(answer))
  }
  return tokens
}
