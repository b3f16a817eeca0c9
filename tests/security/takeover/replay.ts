import { createHash, createHmac } from 'node:crypto'
import { asBearer, askRestore, verificationBody } from '@rekey/test-support/flows'
import type { Scene } from './attacks.ts'
import type { Fields } from './stores.ts'
import type { Thief } from './thief.ts'
import { namesIn } from './victims.ts'

/** Codes that are tried for one challenge: fewer than end it. */
const mostCodes = 4

/** Everything in a text that could be a token, or a key: tokens of base64 and hex with what joins their parts. */
export const stringsIn = (text: string): string[] => [
  ...new Set([...(text.match(/[\w.~+/=-]{16,}/g) ?? []), ...(text.match(/[\w-]{16,}/g) ?? [])]),
]
const codesIn = (text: string): string[] => [...new Set(text.match(/(?<![\w.])\d{6}(?![\w.])/g) ?? [])]

/** A stored form of a code: whose, of which challenge. */
export interface StoredCode {
  challengeId: string
  mac: string
}

const messagesOf = (code: string, challengeId: string) => [
  code,
  `${challengeId}.${code}`,
  `${challengeId}:${code}`,
  `${challengeId}${code}`,
  `${code}.${challengeId}`,
  `${code}${challengeId}`,
]
const hashes = ['sha256', 'sha1', 'md5', 'sha512'] as const
const forms = ['base64url', 'hex', 'base64'] as const
type Formula = (code: string, challengeId: string) => string

/** Every way to hash a code with a key of these texts, or without a key. */
function* formulas(keys: readonly string[]): Generator<Formula> {
  const buffers = keys.flatMap((key) => [Buffer.from(key), Buffer.from(key, 'base64url'), Buffer.from(key, 'hex')])
  for (const hash of hashes) {
    for (const form of forms) {
      for (const place of messagesOf('', '').keys()) {
        const message = (code: string, challengeId: string) => messagesOf(code, challengeId)[place] ?? ''
        yield (code, challengeId) => createHash(hash).update(message(code, challengeId)).digest(form)
      }
    }
  }
  for (const key of buffers.filter(({ length }) => length > 0)) {
    for (const place of messagesOf('', '').keys()) {
      yield (code, challengeId) =>
        createHmac('sha256', key)
          .update(messagesOf(code, challengeId)[place] ?? '')
          .digest('base64url')
    }
  }
}

/**
 * Looks for a way to compute the stored form of a code of one's own from strings of a dump, and then guesses another code
 * by it offline. @returns the other code
 */
export const crack = (
  own: StoredCode & { code: string },
  other: StoredCode,
  keys: readonly string[],
): string | undefined => {
  for (const formula of formulas(['', ...keys])) {
    if (formula(own.code, own.challengeId) !== own.mac) continue
    for (let guess = 0; guess < 1_000_000; guess += 1) {
      const code = String(guess).padStart(6, '0')
      if (formula(code, other.challengeId) === other.mac) return code
    }
  }
  return undefined
}

const useGrant = (thief: Thief, grant: string) =>
  thief.setBy('replayed', (password) => thief.actor.setByGrant(grant, password))

/**
 * Tries each string as what its form allows: one of several parts as a grant, an access token and a refresh token (JWT,
 * JWE), any other as an authorization code.
 */
export const useStrings = async (
  thief: Thief,
  { rekey: { http } }: Pick<Scene, 'rekey'>,
  strings: readonly string[],
) => {
  const accessToken = async (request: object): Promise<string | undefined> => {
    const { body } = await http.post('/oauth/v2/token', {
      client_id: 'ib_localhost',
      redirect_uri: 'http://localhost',
      ...request,
    })
    return body.access_token as string | undefined
  }
  const asBearerToken = async (token: string) =>
    (await http.get('/api/v2/my/password/changes', asBearer(token))).status === 200 ? token : undefined

  for (const string of strings) {
    const tokens = string.includes('.')
      ? await Promise.all([
          asBearerToken(string),
          accessToken({ grant_type: 'refresh_token', refresh_token: string }),
          useGrant(thief, string).then(() => undefined),
        ])
      : [await accessToken({ grant_type: 'authorization_code', code: string })]
    for (const token of tokens) {
      if (token === undefined) continue
      await thief.setBy('replayed', (password) => thief.actor.change(token, password, thief.loot.password))
    }
  }
}

/** Tries every string of the stolen stores as each kind of token, every number as a code, and guesses codes offline. */
export const replay = async (thief: Thief, scene: Scene): Promise<void> => {
  const { rekey, stores, victims } = scene
  const { http } = rekey
  const { victim, loot } = thief
  const { answer } = await askRestore(rekey, victim.email)
  const mfaToken = answer.body.mfa_token
  for (const name of namesIn(mfaToken)) victim.marks.add(name)
  const dumps = [
    loot.stores.redis && (await stores.dumpOfRedis(victim)),
    loot.stores.postgres && (await stores.dumpOfPostgres(victim)),
    loot.stores.nats && (await stores.dumpOfNats(victim)),
  ].filter((dump) => dump !== false)
  const text = dumps.join('\n')
  if (dumps.some((dump) => !dump.includes(victim.code) && !dump.includes(namesIn(mfaToken)[0])))
    throw new Error('a dump has nothing of the customer: the attempts proved nothing')

  const submit = async (code: string) => {
    const { body } = await http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))
    if (body.sign_token !== undefined) await useGrant(thief, String(body.sign_token))
    return body.sign_token !== undefined
  }

  if (loot.stores.redis) {
    const own = await victims.createOwn()
    const asked = await askRestore(rekey, own.email)
    const macOf = async (token: unknown) => {
      const [challengeId] = namesIn(token)
      const { fields }: { fields: Fields } = await stores.record('challenge', challengeId)
      return { challengeId, mac: fields.codeMac ?? '' }
    }
    const mine = { ...(await macOf(asked.answer.body.mfa_token)), code: asked.confirmation }
    const code = crack(mine, await macOf(mfaToken), stringsIn(text))
    if (code !== undefined && (await submit(code))) return
  }
  for (const code of codesIn(text).slice(-mostCodes)) if (await submit(code)) return

  await useStrings(thief, scene, stringsIn(text))
}
