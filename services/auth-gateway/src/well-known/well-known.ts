import type { Feature } from '@rekey/platform/feature'
import { relyingPartyOf } from '@rekey/platform/relying-party'
import { accountClientOf } from '../account-pages/account-pages.ts'
import { securityPath } from '../account-pages/security.state.ts'
import type { Clients } from '../clients/clients.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { wellKnownRoutes } from './well-known.routes.ts'

interface Settings {
  REKEY_PUBLIC_URL: string
  REKEY_RP_ID?: string
  REKEY_PASSKEY_ORIGINS?: string
  REKEY_CHANGE_PASSWORD_URL?: string
}

/** Documents under /.well-known (RFC 8615): JWKS, server metadata, the page that changes a password, and those of passkeys. */
export const createWellKnown = (config: Settings, clients: Clients, { issuer, jwks }: Tokens): Feature => {
  const hasAuthorizationEndpoint = clients.defaultClientId !== undefined
  // A password manager opens it for a customer who has the password; the sign-in before it links to the restore.
  const hasAccountPages = accountClientOf(clients) !== undefined
  const changePage = hasAccountPages ? `${issuer}/account/password` : undefined
  const passkeyPageUrl = hasAccountPages ? `${issuer}${securityPath}` : undefined
  const hostedPage = changePage ?? (hasAuthorizationEndpoint ? `${issuer}/restore` : undefined)
  const changePasswordUrl = config.REKEY_CHANGE_PASSWORD_URL ?? hostedPage
  const party = relyingPartyOf(config)
  const pages = { changePasswordUrl, passkeyPageUrl }
  return { routes: (app) => wellKnownRoutes(app, { issuer, hasAuthorizationEndpoint, ...pages, party, jwks }) }
}
