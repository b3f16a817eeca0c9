import { unavailable } from '@rekey/contracts'
import { type CryptoKey, createRemoteJWKSet, errors } from 'jose'
import type { Now } from './clock.ts'

interface Options {
  jwksUrl: string
  now: Now
}

/** What a token says of the key that it is signed with (RFC 7515 §4.1). */
export interface KeyName {
  alg: string
  kid: string
}

const timeoutMs = 1_500
/** A key that is not in the set may be a new one: ask again, but for nobody's pleasure more often than this (S29). */
const cooldownMs = 1_000
const freshMs = 600_000
/** An issuer that is away is not waited for by every request. */
const retryMs = 10_000
/** As long as tokens live that were signed before the issuer went away. */
const keptMs = 3_600_000

/**
 * A token issuer's public keys by their name, from its JWK Set (RFC 7517): asked for anew every ten minutes. While the
 * issuer is away the keys that it had last are good for an hour.
 *
 * @returns the key of this name that fits the algorithm; undefined where the issuer has none
 * @throws RekeyError unavailable where the issuer cannot be asked and had no such key, or is away for an hour
 */
export const createIssuerKeys = ({ jwksUrl, now }: Options) => {
  // When to ask is decided here: by itself the library has no key at all once its set is old and the issuer away.
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: timeoutMs,
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: Number.POSITIVE_INFINITY,
  })
  let loadedAt = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  const since = (time: number) => now().getTime() - time

  /** @throws unknown whatever kept the issuer from answering, now or a moment ago */
  const load = async () => {
    if (since(failedAt) < cooldownMs) throw failure
    try {
      await keys.reload()
      loadedAt = now().getTime()
    } catch (error) {
      failedAt = now().getTime()
      failure = error
      throw error
    }
  }

  const refresh = async () => {
    const isKept = since(loadedAt) < keptMs
    if (since(loadedAt) < freshMs || (isKept && since(failedAt) < retryMs)) return
    try {
      await load()
    } catch (error) {
      if (!isKept) throw error
    }
  }

  const find = async (name: KeyName) => {
    try {
      return await keys({ ...name })
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
        return undefined
      throw error
    }
  }

  return async (name: KeyName): Promise<CryptoKey | undefined> => {
    try {
      await refresh()
      const known = await find(name)
      if (known || since(loadedAt) < cooldownMs) return known
      await load()
      return await find(name)
    } catch (cause) {
      throw unavailable(cause)
    }
  }
}

export type IssuerKeys = ReturnType<typeof createIssuerKeys>
