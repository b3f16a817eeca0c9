/** Lifetime of an access token. No token that the gateway signs lives longer. */
export const accessTokenSeconds = 3_600
