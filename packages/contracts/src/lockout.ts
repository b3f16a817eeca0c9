// The lockout after wrong codes (S6; NIST SP 800-63B-4 §3.2.2). The auth-gateway counts them for each account, the
// password-service for each customer: both lock out after the same number, for the same time.

/** Wrong codes that end one challenge (S5). */
export const maxFailedAttemptsPerChallenge = 5

/** Wrong codes that lock out; as many again lock out for twice as long. */
export const lockoutAttempts = 10

/** Wrong codes, without a right one between them, after which restore stays locked until the back office lifts it. */
export const permanentLockoutAttempts = 100

export const firstLockoutMs = 10 * 60_000
export const longestLockoutMs = 24 * 3_600_000
