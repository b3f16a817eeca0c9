import type { TestCustomer } from '@rekey/test-support/customers'
import { askLogin, askRestore, claimsOf, signInTokens, verificationBody } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'

type Fields = Record<string, string>
interface Stored {
  key: string
  fields: Fields
}

/** One's own record with the facts of another: whole, whole but for what proves a code, and field by field. */
const mixtures = (mine: Fields, theirs: Fields): Fields[] => {
  const { mac = '', codeMac = '' } = mine
  return [
    theirs,
    { ...theirs, mac },
    { ...theirs, codeMac },
    { ...theirs, mac, codeMac },
    ...Object.entries(theirs).flatMap(([field, value]) => (mine[field] === value ? [] : [{ ...mine, [field]: value }])),
  ]
}

/** Accounts of the writer: one restores, so that its password changes; the other signs in. */
interface Own {
  restored: TestCustomer
  signedIn: TestCustomer
}

const provedNothing = () => new Error('the untouched record gave no token: the attempts proved nothing')

/**
 * Somebody with write access to Redis, who is a customer too. Each attempt mixes a record of their own, whose code they
 * know, with one of the owner's.
 */
export const createRedisWriter = (rekey: Rekey, own: Own, owner: TestCustomer, username: string) => {
  const { http } = rekey
  const redis = new Redis(rekey.redis.url)

  const recordAfter = async <T>(step: () => Promise<T>, kind = 'challenge') => {
    const records = () => redis.keys(`rekey:*:${kind}:*`)
    const before = new Set(await records())
    const result = await step()
    const key = (await records()).find((key) => !before.has(key))
    if (key === undefined) throw new Error('the step left no record')
    return { result, stored: { key, fields: await redis.hgetall(key) } }
  }
  /** Clears the failed attempts too, so that no lockout refuses the next attempt. */
  const clearFailures = async () => {
    const keys = await redis.keys('rekey:*:budget:*')
    if (keys.length > 0) await Promise.all(keys.map((key) => redis.del(key)))
  }
  const write = ({ key }: Stored, fields: Fields) =>
    redis.multi().del(key).hset(key, fields).pexpire(key, 600_000).exec()

  /** The first result of the attempts, each with another mixture at the key. */
  const first = async <T>(at: Stored, variants: Fields[], attempt: () => Promise<T | undefined>) => {
    for (const fields of variants) {
      await clearFailures()
      await write(at, fields)
      const result = await attempt()
      if (result !== undefined) return result
    }
    return undefined
  }
  const verify = async (mfaToken: unknown, code: string) => {
    const { body } = await http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))
    return body.sign_token as string | undefined
  }
  /** The owner's access token, if a mixture gives one. @throws Error unless one's own record gives one's own token */
  const tokenOfOwner = async (mine: Stored, theirs: Stored, request: object) => {
    const subjects: unknown[] = []
    const token = await first(mine, [...mixtures(mine.fields, theirs.fields), mine.fields], async () => {
      const { body } = await http.post('/oauth/v2/token', request)
      if (body.access_token === undefined) return undefined
      const { sub } = claimsOf(String(body.access_token))
      subjects.push(sub)
      return sub === owner.code ? String(body.access_token) : undefined
    })
    if (!subjects.includes(own.signedIn.code) && token === undefined) throw provedNothing()
    return token
  }
  const askBoth = async () => ({
    mine: await recordAfter(() => askRestore(rekey, own.restored.email)),
    theirs: await recordAfter(() => askRestore(rekey, username)),
  })
  let asked: ReturnType<typeof askBoth> | undefined
  const restores = () => (asked ??= askBoth())

  return {
    close: () => redis.disconnect(),
    /** A grant from the owner's challenge with the code of one's own. */
    async grantOfOwner() {
      const { mine, theirs } = await restores()
      const variants = [mine.stored.fields, ...mixtures(theirs.stored.fields, mine.stored.fields)]
      const { answer, confirmation } = theirs.result
      const grant = await first(theirs.stored, variants, () => verify(answer.body.mfa_token, mine.result.confirmation))
      if (grant !== undefined) return grant
      const untouched = await first(theirs.stored, [theirs.stored.fields], () =>
        verify(answer.body.mfa_token, confirmation),
      )
      if (untouched === undefined) throw provedNothing()
      return undefined
    },
    /** Grants from one's own challenge that the owner's facts were written into: at best one that restores the owner. */
    async ownGrants() {
      const { mine, theirs } = await restores()
      const { answer, confirmation } = mine.result
      const grants: string[] = []
      const variants = [...mixtures(mine.stored.fields, theirs.stored.fields), mine.stored.fields]
      await first(mine.stored, variants, async () => {
        const grant = await verify(answer.body.mfa_token, confirmation)
        if (grant !== undefined) grants.push(grant)
        return undefined
      })
      if (grants.length === 0) throw provedNothing()
      return grants
    },
    /** The owner's access token, from one's own sign-in or session and the records that the owner's sign-in left. */
    async accessToken() {
      const person = { ...owner, email: username }
      const mine = await recordAfter(() => askLogin(rekey, own.signedIn))
      const theirs = await recordAfter(() => askLogin(rekey, person))
      const { answer, confirmation } = mine.result
      const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
      const token = await tokenOfOwner(mine.stored, theirs.stored, body)
      if (token !== undefined) return token

      const session = await recordAfter(() => signInTokens(rekey, own.signedIn), 'session')
      const other = await recordAfter(() => signInTokens(rekey, person), 'session')
      const { refresh_token } = session.result
      const refresh = { grant_type: 'refresh_token', client_id: 'ib_localhost', refresh_token }
      return tokenOfOwner(session.stored, other.stored, refresh)
    },
  }
}

export type RedisWriter = ReturnType<typeof createRedisWriter>
