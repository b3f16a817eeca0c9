/** Life of an access token, in seconds: no token that the gateway signs lives longer. */
export const accessTokenSeconds = 3_600
