import type { Address, Reference } from '@rekey/contracts'
import { Prisma } from '../generated/prisma/client.ts'

/** Id of the customer who has confirmed this address. */
export const ownerOf = ({ kind, value }: Address) => Prisma.sql`(
  SELECT customer_id FROM identifier
  WHERE value = ${value} AND kind = ${kind}::identifier_kind AND verified_at IS NOT NULL
)`

/** Whether the customer `c` is the one that is meant. */
export const isReferredTo = (reference: Reference) => {
  if ('code' in reference) return Prisma.sql`c.code = ${reference.code}`
  if ('id' in reference) return Prisma.sql`c.id = ${reference.id}`
  return Prisma.sql`c.id = ${ownerOf(reference.address)}`
}
