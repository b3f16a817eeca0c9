/** Scopes of the two published contracts. */
export const scopes = {
  full: 'CUSTOMER:FULL',
  restore: 'CUSTOMER:PASSWORD:RESTORE',
  change: 'CUSTOMER:PASSWORD:CHANGE',
  backOffice: 'REST:FULL',
} as const

/**
 * Audiences of the tokens that the gateway signs (RFC 9068 §3). `api`: bearer tokens of routes. `grant`: one password
 * change or restore, in the `successToken` header. A token that serves both has both audiences.
 */
export const audiences = { api: 'rekey:api', grant: 'rekey:grant' } as const
