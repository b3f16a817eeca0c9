import { keyFiles } from './keys.ts'

// Which service gets which URL, key file and variable: for npm start, tests, runs with injected failures and the
// production test alike.

interface Common {
  profile: 'sandbox' | 'production'
  /** URL of the gateway as customers see it: the issuer of tokens. */
  publicUrl: string
  natsUrl: string
  /** Folder that `generateKeys` wrote. */
  keysDir: string
}

const common = ({ profile, publicUrl, natsUrl }: Common) => ({
  REKEY_PROFILE: profile,
  REKEY_PUBLIC_URL: publicUrl,
  NATS_URL: natsUrl,
})

/** The demo provider's audiences, and the console's client there. */
const demoAudiences = { customers: 'urn:rekey:customers', staff: 'urn:rekey:staff' } as const
const demoConsoleClientId = 'rekey-console'

/** The console as the demo provider's client. */
export const demoClient = (publicUrl: string) => ({
  clientId: demoConsoleClientId,
  redirectUri: `${publicUrl}/staff/callback`,
  audience: demoAudiences.staff,
})

/** The variables that make the gateway and the password-service accept the demo provider's tokens. */
export const demoProviderVariables = (issuer: string) => ({
  REKEY_IDP_ISSUER: issuer,
  REKEY_IDP_AUDIENCE: demoAudiences.customers,
  REKEY_IDP_STAFF_AUDIENCE: demoAudiences.staff,
  REKEY_IDP_JWKS_URL: `${issuer}/jwks`,
})

/** The variables that give the gateway a console, besides those of the demo provider. */
export const demoConsoleVariables = { REKEY_CONSOLE_CLIENT_ID: demoConsoleClientId }

/** The variables of an auth-gateway. */
export const gatewayVariables = (
  servers: Common & { redisUrl: string /** Base URL. */; passwordServiceUrl: string },
) => {
  const { authGateway, signingKeys } = keyFiles(servers.keysDir)
  return {
    ...common(servers),
    REDIS_URL: servers.redisUrl,
    REKEY_PASSWORD_SERVICE_URL: servers.passwordServiceUrl,
    REKEY_SIGNING_KEYS_FILE: signingKeys,
    REKEY_SECRETS_FILE: authGateway,
  }
}

/** The variables of a password-service. */
export const passwordServiceVariables = (
  servers: Common & {
    databaseUrl: string /** Base URL at which the service finds the gateway's keys. */
    gatewayUrl: string
  },
) => ({
  ...common(servers),
  DATABASE_URL: servers.databaseUrl,
  // The inbox offers it.
  REKEY_SMTPUTF8: 'true',
  REKEY_JWKS_URL: `${servers.gatewayUrl}/.well-known/jwks.json`,
  REKEY_SECRETS_FILE: keyFiles(servers.keysDir).passwordService,
})

/** The variables of a notifier. Without `smsUrl` it sends no SMS. */
export const notifierVariables = (
  servers: Common & { smtpUrl: string /** Base URL of the inbox, which is also the SMS vendor. */; smsUrl?: string },
) => ({
  ...common(servers),
  SMTP_URL: servers.smtpUrl,
  ...(servers.smsUrl !== undefined && { REKEY_SMS_URL: `${servers.smsUrl}/api/v1/sms` }),
  REKEY_SECRETS_FILE: keyFiles(servers.keysDir).notifier,
})
