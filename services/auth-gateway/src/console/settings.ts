import { OneOf } from '@rekey/contracts'
import { ConfigError, configurationErrors } from '@rekey/platform/config'
import { type Static, Type } from '@sinclair/typebox'

/** Variables of the staff console, a client of the platform's identity provider (REKEY_IDP_ISSUER). */
export const consoleEnv = {
  REKEY_CONSOLE_CLIENT_ID: Type.Optional(
    Type.String({
      description:
        'Client id of the staff console at the identity provider; its redirect URI there is ' +
        'REKEY_PUBLIC_URL/staff/callback. Not set: there is no console, and /staff answers 404.',
    }),
  ),
  REKEY_CONSOLE_CLIENT_SECRET: Type.Optional(
    Type.String({
      description: 'Secret of that client (client_secret_basic). Not set: a public client, protected by PKCE alone.',
    }),
  ),
  REKEY_CONSOLE_SCOPE: Type.String({
    pattern: '^([\\x21\\x23-\\x5B\\x5D-\\x7E]+ )*openid( [\\x21\\x23-\\x5B\\x5D-\\x7E]+)*$',
    default: 'openid profile REST:FULL',
    description: 'Scope that the console requests, separated by spaces; it must contain openid.',
  }),
  REKEY_CONSOLE_AUDIENCE_PARAMETER: OneOf(['resource', 'audience', 'none'], {
    default: 'resource',
    description:
      'Parameter that names REKEY_IDP_STAFF_AUDIENCE in requests to the identity provider. resource: RFC 8707. ' +
      'none: the provider adds the audience by itself.',
  }),
}

const schema = Type.Object(consoleEnv)
type Settings = Static<typeof schema> & {
  REKEY_IDP_ISSUER?: string
  REKEY_IDP_STAFF_AUDIENCE?: string
}

/** The console's client at the identity provider. */
export interface ConsoleSettings {
  issuer: string
  clientId: string
  /** Undefined: a public client. */
  clientSecret: string | undefined
  scope: string
  /** Parameters that name the audience, for the authorization and the token endpoint. */
  audience: Record<string, string>
}

/** @returns undefined if no console is configured @throws ConfigError if variables that it needs are missing */
export const readConsoleSettings = (config: Settings): ConsoleSettings | undefined => {
  const { REKEY_CONSOLE_CLIENT_ID: clientId, REKEY_IDP_ISSUER: issuer, REKEY_IDP_STAFF_AUDIENCE: audience } = config
  if (clientId === undefined) {
    if (config.REKEY_CONSOLE_CLIENT_SECRET === undefined) return undefined
    throw new ConfigError(['REKEY_CONSOLE_CLIENT_ID is missing: REKEY_CONSOLE_CLIENT_SECRET requires it.'])
  }
  if (issuer === undefined || audience === undefined) {
    const missing = Object.entries({ REKEY_IDP_ISSUER: issuer, REKEY_IDP_STAFF_AUDIENCE: audience })
    throw new ConfigError(
      missing
        .filter(([, value]) => value === undefined)
        .map(([name]) => `${name} is missing: REKEY_CONSOLE_CLIENT_ID requires it.`),
    )
  }
  const parameter = config.REKEY_CONSOLE_AUDIENCE_PARAMETER
  return {
    issuer,
    clientId,
    clientSecret: config.REKEY_CONSOLE_CLIENT_SECRET,
    scope: config.REKEY_CONSOLE_SCOPE,
    audience: parameter === 'none' ? {} : { [parameter]: audience },
  }
}

/** Errors of these variables together. */
export const consoleErrors = (config: Partial<Settings>): readonly string[] =>
  configurationErrors(() => readConsoleSettings(config as Settings))
