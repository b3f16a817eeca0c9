/** Scopes of the two published contracts. */
export const scopes = {
  full: 'CUSTOMER:FULL',
  restore: 'CUSTOMER:PASSWORD:RESTORE',
  change: 'CUSTOMER:PASSWORD:CHANGE',
  backOffice: 'REST:FULL',
} as const

/**
 * Audiences of the tokens the gateway signs (RFC 9068 §3). An API token opens routes as a bearer; a grant is good for
 * one password change or restore in the `successToken` header. A token names each use it has.
 */
export const audiences = { api: 'rekey:api', grant: 'rekey:grant' } as const
