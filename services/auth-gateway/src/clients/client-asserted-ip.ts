import type { Client } from './registry-file.ts'

/**
 * The address that rate limits count. An authenticated confidential client may be the server behind which all of its
 * users are, so the address that it states for a user counts. From any other client only its own address counts.
 */
export const countedAddressOf = (client: Client | undefined, ip: string | undefined, address: string): string =>
  client?.type === 'confidential' ? (ip ?? address) : address
