import { unavailable } from '@rekey/contracts'
import type { CryptoKey } from 'jose'
import * as errors from 'jose/errors'
import { createRemoteJWKSet, customFetch } from 'jose/jwks/remote'
import type { Now } from './clock.ts'
import type { Fetch } from './part-fetch.ts'

interface Options {
  jwksUrl: string
  now: Now
  /** Fetches the set. Default: the global `fetch`. */
  send?: Fetch
}

/** Header fields that name the signing key (RFC 7515 §4.1). */
export interface KeyName {
  alg: string
  kid: string
}

const timeoutMs = 1_500
/** An unknown key may be a new one: fetch the set again (S29), but not more often than this. */
const cooldownMs = 1_000
const freshMs = 600_000
/** After a failure, the next attempt waits this long, so that requests do not wait for an issuer that is unavailable. */
const retryMs = 10_000
/** Lifetime of tokens that were signed before the issuer became unreachable. */
const keptMs = 3_600_000

/**
 * Finds a token issuer's public keys in its JWK Set (RFC 7517), which is fetched every ten minutes. While the issuer is
 * unreachable, its last keys are used for an hour.
 *
 * @returns the key of this name for the algorithm; undefined if the issuer has none
 * @throws RekeyError unavailable if the issuer is unreachable and its last keys lack this key or are an hour old
 */
export const createIssuerKeys = ({ jwksUrl, now, send }: Options) => {
  // Fetches are decided here: the library itself has no keys while its set is old and the issuer unreachable.
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: timeoutMs,
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    ...(send && { [customFetch]: send }),
  })
  let loadedAt = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  const since = (time: number) => now().getTime() - time

  /** @throws the error of this fetch, or of one within the cooldown */
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
      const found = await find(name)
      if (found || since(loadedAt) < cooldownMs) return found
      await load()
      return await find(name)
    } catch (cause) {
      throw unavailable(cause)
    }
  }
}

export type IssuerKeys = ReturnType<typeof createIssuerKeys>
