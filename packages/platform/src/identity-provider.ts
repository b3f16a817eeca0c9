import { scopes } from '@rekey/contracts'
import { type Static, Type } from '@sinclair/typebox'
import type { JWTPayload } from 'jose'
import type { Now } from './clock.ts'
import { ConfigError, configurationErrors, Url } from './config.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import type { TokenClaims } from './token-claims.ts'
import { createTokenVerifier } from './token-verifier.ts'

/** Variables of the platform's identity provider, whose access tokens are accepted besides the gateway's. */
export const identityProviderEnv = {
  REKEY_IDP_ISSUER: Type.Optional(
    Url('https?', {
      description:
        "Issuer (`iss`) of the platform's own access tokens. Not set: only the gateway's tokens are accepted.",
    }),
  ),
  REKEY_IDP_AUDIENCE: Type.Optional(
    Type.String({ description: 'Audience (`aud`) that access tokens of customers must have.' }),
  ),
  REKEY_IDP_SCOPES: Type.Optional(
    Type.String({
      description:
        'Scopes that access tokens of customers may give, separated by spaces: ' +
        'CUSTOMER:FULL, CUSTOMER:PASSWORD:CHANGE. Not set: both. Others in a token are ignored.',
    }),
  ),
  REKEY_IDP_STAFF_AUDIENCE: Type.Optional(
    Type.String({
      description:
        "Audience of back-office users' access tokens, which give REST:FULL and no customer's scope. A token with both " +
        'audiences is refused. Not set: no token of the identity provider gives REST:FULL.',
    }),
  ),
  REKEY_IDP_JWKS_URL: Type.Optional(Url('https?', { description: "URL of that issuer's JWK Set." })),
  REKEY_IDP_SUBJECT_CLAIM: Type.Optional(
    Type.String({
      description: "Claim with the customer's code or the back-office user's id. Not set: `sub`.",
    }),
  ),
}

const schema = Type.Object(identityProviderEnv)
type Settings = Static<typeof schema>
type Variable = keyof Settings

/** Only the gateway permits a restore. */
const customerScopes: readonly string[] = [scopes.full, scopes.change]
const optional: readonly Variable[] = ['REKEY_IDP_SUBJECT_CLAIM', 'REKEY_IDP_SCOPES', 'REKEY_IDP_STAFF_AUDIENCE']

/** The scopes that a customer's token may give. @throws ConfigError */
const readScopes = ({ REKEY_IDP_SCOPES: text }: Settings): readonly string[] => {
  if (text === undefined) return customerScopes
  const named = text.split(' ').filter(Boolean)
  if (named.length > 0 && named.every((scope) => customerScopes.includes(scope))) return named
  throw new ConfigError([
    `REKEY_IDP_SCOPES must contain ${customerScopes.join(' or ')}, separated by a space, and nothing else: ` +
      `${scopes.backOffice} comes with REKEY_IDP_STAFF_AUDIENCE.`,
  ])
}

/** All variables without a default, or none, must be set. @throws ConfigError */
const readSettings = (settings: Settings, ownIssuer: string) => {
  const { REKEY_IDP_ISSUER: issuer, REKEY_IDP_AUDIENCE: audience, REKEY_IDP_JWKS_URL: jwksUrl } = settings
  const names = Object.keys(identityProviderEnv) as Variable[]
  const given = names.filter((name) => settings[name] !== undefined)
  if (given.length === 0) return undefined
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) {
    const missing = names.filter((name) => !given.includes(name) && !optional.includes(name))
    throw new ConfigError(
      missing.map((name) => `${name} is missing: ${given.join(', ')} ${given.length > 1 ? 'require' : 'requires'} it.`),
    )
  }
  if (issuer === ownIssuer)
    throw new ConfigError([
      "REKEY_IDP_ISSUER equals REKEY_PUBLIC_URL: the gateway's own tokens need no identity provider.",
    ])
  const staffAudience = settings.REKEY_IDP_STAFF_AUDIENCE
  if (staffAudience === audience)
    throw new ConfigError(["REKEY_IDP_STAFF_AUDIENCE equals REKEY_IDP_AUDIENCE: no token is staff's and a customer's."])
  return {
    issuer,
    audience,
    staffAudience,
    allowedScopes: readScopes(settings),
    jwksUrl,
    subjectClaim: settings.REKEY_IDP_SUBJECT_CLAIM ?? 'sub',
  }
}

/** Errors of these variables together. */
export const identityProviderErrors = (config: Settings & { REKEY_PUBLIC_URL?: string }): readonly string[] =>
  configurationErrors(() => readSettings(config, config.REKEY_PUBLIC_URL ?? ''))

// Asymmetric algorithms of RFC 7518 §3.1 and RFC 8037.
const sized = ['RS', 'PS', 'ES'].flatMap((family) => ['256', '384', '512'].map((size) => family + size))
const algorithms = [...sized, 'EdDSA', 'Ed25519']

/** Identifiers must be printable ASCII: they go to logs, keys and columns. */
const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value) ? value : undefined

const scopeOf = ({ scope }: JWTPayload): string | undefined => {
  if (Array.isArray(scope)) return scope.every((item) => typeof item === 'string') ? scope.join(' ') : undefined
  return typeof scope === 'string' ? scope : undefined
}

/** Without a `sid`, each token is a session of its own. @returns undefined if a claim is missing */
const toClaims = (payload: JWTPayload, subjectClaim: string): TokenClaims | undefined => {
  const { iss = '', aud = [], exp = 0, iat = 0 } = payload
  const sub = asText(payload[subjectClaim])
  const clientId = asText(payload.client_id ?? payload.azp)
  const scope = scopeOf(payload)
  const jti = asText(payload.jti ?? payload.sid)
  const sid = asText(payload.sid ?? payload.jti)
  if (sub === undefined || clientId === undefined || scope === undefined || !jti || !sid) return undefined
  // A refreshed token of an old session is new, and the session is not (S42). Without a session id the session that changed
  // the password could not be kept, so such a token counts from its issue.
  const { auth_time: authTime } = payload
  const began = payload.sid !== undefined && typeof authTime === 'number' && authTime <= iat ? authTime : undefined
  return {
    ...{ iss, aud: [aud].flat(), sub, jti, exp, iat, client_id: clientId, scope, sid },
    ...(began !== undefined && { auth_time: began }),
  }
}

/** Verifies bearer tokens of the platform's identity provider. */
export interface IdentityProvider {
  issuer: string
  /**
   * Claims of a valid token, as the gateway's tokens name them; undefined for any other token. A token for
   * REKEY_IDP_AUDIENCE gives the scopes of REKEY_IDP_SCOPES that it names, one for REKEY_IDP_STAFF_AUDIENCE gives
   * REST:FULL if it names it, one for both is refused (S45). Never a grant: only the gateway issues success tokens.
   *
   * @throws RekeyError unavailable if the issuer's keys cannot be fetched
   */
  read(token: string): Promise<TokenClaims | undefined>
}

interface Deps {
  /** Issuer of the gateway's tokens. */
  ownIssuer: string
  now: Now
}

/**
 * @returns undefined if no identity provider is configured
 * @throws ConfigError if some of its variables are missing, or it is the gateway's own issuer
 */
export const createIdentityProvider = (config: Settings, { ownIssuer, now }: Deps): IdentityProvider | undefined => {
  const settings = readSettings(config, ownIssuer)
  if (!settings) return undefined
  const { issuer, audience, staffAudience, allowedScopes, jwksUrl, subjectClaim } = settings
  const accepted = [audience, ...(staffAudience === undefined ? [] : [staffAudience])]
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
      const payload = await verify(token, accepted)
      const claims = payload && toClaims(payload, subjectClaim)
      if (!claims) return undefined
      const named = accepted.filter((one) => claims.aud.includes(one))
      if (named.length !== 1) return undefined
      const allowed = named[0] === audience ? allowedScopes : [scopes.backOffice]
      const scope = claims.scope.split(' ').filter((one) => allowed.includes(one as never))
      return { ...claims, scope: scope.join(' ') }
    },
  }
}
