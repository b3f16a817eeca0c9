/** Lifetime of an access token. No token that the gateway signs lives longer. */
export const accessTokenSeconds = 3_600

/** Life of a grant (a success token), in seconds. */
export const grantSeconds = 600
