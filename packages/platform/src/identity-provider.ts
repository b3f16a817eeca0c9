import { type Static, Type } from '@sinclair/typebox'
import type { JWTPayload } from 'jose'
import type { Now } from './clock.ts'
import { ConfigError, faultsOf, Url } from './config.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import type { TokenClaims } from './token-claims.ts'
import { createTokenVerifier } from './token-verifier.ts'

/** Variables of a platform's own identity provider, whose access tokens open routes beside ours. */
export const identityProviderEnv = {
  REKEY_IDP_ISSUER: Type.Optional(
    Url('https?', {
      description: "Issuer (`iss`) of the platform's own access tokens. Without it only ours are taken.",
    }),
  ),
  REKEY_IDP_AUDIENCE: Type.Optional(
    Type.String({ description: 'Audience (`aud`) that those tokens must be meant for.' }),
  ),
  REKEY_IDP_JWKS_URL: Type.Optional(Url('https?', { description: "That issuer's JWK Set." })),
  REKEY_IDP_SUBJECT_CLAIM: Type.Optional(
    Type.String({
      description: "Claim that holds the customer's code, or who the back-office user is. Unset: `sub`.",
    }),
  ),
}

const schema = Type.Object(identityProviderEnv)
type Settings = Static<typeof schema>
type Variable = keyof Settings

/** All of them or none, but for the one that has a default. @throws ConfigError */
const readSettings = (settings: Settings, ownIssuer: string) => {
  const { REKEY_IDP_ISSUER: issuer, REKEY_IDP_AUDIENCE: audience, REKEY_IDP_JWKS_URL: jwksUrl } = settings
  const names = Object.keys(identityProviderEnv) as Variable[]
  const given = names.filter((name) => settings[name] !== undefined)
  if (given.length === 0) return undefined
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) {
    const missing = names.filter((name) => !given.includes(name) && name !== 'REKEY_IDP_SUBJECT_CLAIM')
    throw new ConfigError(missing.map((name) => `${name} is missing. It is needed beside ${given.join(', ')}.`))
  }
  if (issuer === ownIssuer) throw new ConfigError(['REKEY_IDP_ISSUER is REKEY_PUBLIC_URL: our own tokens need none.'])
  return { issuer, audience, jwksUrl, subjectClaim: settings.REKEY_IDP_SUBJECT_CLAIM ?? 'sub' }
}

/** What is wrong with these variables together. */
export const identityProviderFaults = (config: Settings & { REKEY_PUBLIC_URL?: string }): readonly string[] =>
  faultsOf(() => readSettings(config, config.REKEY_PUBLIC_URL ?? ''))

// Families of RFC 7518 §3.1 and RFC 8037 whose keys are pairs.
const sized = ['RS', 'PS', 'ES'].flatMap((family) => ['256', '384', '512'].map((size) => family + size))
const algorithms = [...sized, 'EdDSA', 'Ed25519']

/** As every identifier here: what no log, key or column chokes on. */
const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value) ? value : undefined

const scopeOf = ({ scope }: JWTPayload): string | undefined => {
  if (Array.isArray(scope)) return scope.every((item) => typeof item === 'string') ? scope.join(' ') : undefined
  return typeof scope === 'string' ? scope : undefined
}

/** An issuer that knows no sessions gives each token one of its own. @returns undefined where a claim is missing */
const toClaims = (payload: JWTPayload, subjectClaim: string): TokenClaims | undefined => {
  const { iss = '', aud = [], exp = 0, iat = 0 } = payload
  const sub = asText(payload[subjectClaim])
  const clientId = asText(payload.client_id ?? payload.azp)
  const scope = scopeOf(payload)
  const jti = asText(payload.jti ?? payload.sid)
  const sid = asText(payload.sid ?? payload.jti)
  if (sub === undefined || clientId === undefined || scope === undefined || !jti || !sid) return undefined
  return { iss, aud: [aud].flat(), sub, jti, exp, iat, client_id: clientId, scope, sid }
}

/** Reads bearer tokens of an issuer that is not ours. */
export interface IdentityProvider {
  issuer: string
  /**
   * Claims of a sound token that is meant for us, in our words. Never a grant: a success token is ours alone.
   *
   * @throws RekeyError unavailable where the issuer's keys cannot be had now
   */
  read(token: string): Promise<TokenClaims | undefined>
}

interface Deps {
  /** Issuer of our own tokens. */
  ownIssuer: string
  now: Now
}

/**
 * The platform's own identity provider, where one is configured.
 *
 * @throws ConfigError where some of its variables are missing, or it is our own issuer
 */
export const createIdentityProvider = (config: Settings, { ownIssuer, now }: Deps): IdentityProvider | undefined => {
  const settings = readSettings(config, ownIssuer)
  if (!settings) return undefined
  const { issuer, audience, jwksUrl, subjectClaim } = settings
  const verify = createTokenVerifier({
    issuer,
    algorithms,
    types: ['at+jwt', 'jwt'],
    requiredClaims: ['exp', 'iat'],
    key: createIssuerKeys({ jwksUrl, now }),
    now,
  })
  return {
    issuer,
    async read(token) {
      const payload = await verify(token, audience)
      return payload && toClaims(payload, subjectClaim)
    },
  }
}
