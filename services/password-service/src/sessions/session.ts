import type { TokenClaims } from '@rekey/platform/auth'

/** What of a token says which session it belongs to. */
export type SessionClaims = Pick<TokenClaims, 'sub' | 'sid' | 'jti' | 'iat' | 'session_epoch'>

/** An issuer that knows no sessions gives each token one of its own. */
export const sessionOf = ({ sid, jti }: Pick<TokenClaims, 'sid' | 'jti'>): string => sid ?? jti
