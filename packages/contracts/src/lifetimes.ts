/** Lifetime of an access token. No token that the gateway signs lives longer. */
export const accessTokenSeconds = 3_600

/** Life of a grant (a success token), in seconds. */
export const grantSeconds = 600

/** Longest life of a confirmation code, in seconds (ASVS 6.5.5). */
export const longestCodeSeconds = 600

/** Most seconds by which two services' clocks may differ: a time that is later by more is not believed (S47). */
export const clockSlackSeconds = 300
