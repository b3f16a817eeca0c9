import { askLogin, askRestore, claimsOf, login, signInTokens, verificationBody } from '@rekey/test-support/flows'
import type { Scene } from './attacks.ts'
import type { Fields, Stored } from './stores.ts'
import type { Thief } from './thief.ts'
import { namesIn } from './victims.ts'

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

const provedNothing = () => new Error('the untouched record gave no token: the attempts proved nothing')

/**
 * Mixes records of the thief, who is a customer too and knows their own codes, with those of the victim: challenges of
 * restores and sign-ins, and sessions.
 */
export const forge = async (thief: Thief, { rekey, stores, victims }: Scene): Promise<void> => {
  const { http } = rekey
  const { victim, actor, loot } = thief
  const { redis } = stores
  const [restored, signedIn] = [await victims.createOwn(), await victims.createOwn()]
  const challengeOf = (token: unknown) => stores.record('challenge', namesIn(token)[0])

  /** Deletes what counts wrong codes, so that no lockout refuses the next attempt. */
  const clearFailures = async (at: Stored) => {
    const tag = at.key.slice(0, at.key.indexOf('}') + 1)
    await Promise.all(['restore', 'login'].map((purpose) => redis.del(`${tag}:budget:${purpose}`)))
  }
  /** Puts each variant at the key, and attempts. @returns what the attempts gave */
  const each = async <T>(at: Stored, variants: Fields[], attempt: () => Promise<T | undefined>): Promise<T[]> => {
    const given: T[] = []
    for (const fields of variants) {
      await clearFailures(at)
      await redis.multi().del(at.key).hset(at.key, fields).pexpire(at.key, 600_000).exec()
      const result = await attempt()
      if (result !== undefined) given.push(result)
    }
    return given
  }

  const verify = async (mfaToken: unknown, code: string) => {
    const { body } = await http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))
    return body.sign_token as string | undefined
  }
  const mine = await askRestore(rekey, restored.email)
  const theirs = await askRestore(rekey, victim.email)
  const [mineAt, theirsAt] = [
    await challengeOf(mine.answer.body.mfa_token),
    await challengeOf(theirs.answer.body.mfa_token),
  ]
  const grants = [
    ...(await each(theirsAt, [mineAt.fields, ...mixtures(theirsAt.fields, mineAt.fields)], () =>
      verify(theirs.answer.body.mfa_token, mine.confirmation),
    )),
    ...(await each(mineAt, mixtures(mineAt.fields, theirsAt.fields), () =>
      verify(mine.answer.body.mfa_token, mine.confirmation),
    )),
  ]
  const own = await each(mineAt, [mineAt.fields], () => verify(mine.answer.body.mfa_token, mine.confirmation))
  if (own.length === 0) throw provedNothing()
  for (const grant of grants) await thief.setBy('forged', (password) => actor.setByGrant(grant, password))

  /** Tokens of the victim. @throws Error unless the thief's own record gives the thief's own token */
  const tokensOfVictim = async (at: Stored, from: Stored, request: object): Promise<string[]> => {
    const tokens = await each(at, [...mixtures(at.fields, from.fields), at.fields], async () => {
      const { body } = await http.post('/oauth/v2/token', request)
      return body.access_token as string | undefined
    })
    if (!tokens.some((token) => claimsOf(token).sub === signedIn.code)) throw provedNothing()
    return tokens.filter((token) => claimsOf(token).sub === victim.code)
  }
  const ownLogin = await askLogin(rekey, signedIn)
  const { body: theirLogin } = await login(rekey, victim)
  const session = await signInTokens(rekey, signedIn)
  const sessionOf = (token: string) => stores.record('session', String(claimsOf(token).sid))
  const tokens = [
    ...(await tokensOfVictim(
      await challengeOf(ownLogin.answer.body.mfa_token),
      await challengeOf(theirLogin.mfa_token),
      {
        grant_type: 'mfa_oob',
        mfa_token: ownLogin.answer.body.mfa_token,
        code: ownLogin.confirmation,
      },
    )),
    ...(await tokensOfVictim(await sessionOf(session.access_token), await sessionOf(victim.session ?? ''), {
      grant_type: 'refresh_token',
      client_id: 'ib_localhost',
      refresh_token: session.refresh_token,
    })),
  ]
  for (const token of tokens) {
    await thief.setBy('forged', (password) => actor.change(token, password, loot.password))
  }
}
