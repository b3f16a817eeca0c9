import type { Address, Reference } from '@rekey/contracts'
import { Prisma } from '../generated/prisma/client.ts'

/** SQL for the id of the customer who has confirmed this address. */
export const ownerOf = ({ kind, value }: Address) => Prisma.sql`(
  SELECT customer_id FROM identifier
  WHERE value = ${value} AND kind = ${kind}::identifier_kind AND verified_at IS NOT NULL
)`

/** SQL condition: the reference is to the customer `c`. */
export const isReferredTo = (reference: Reference) => {
  if ('code' in reference) return Prisma.sql`c.code = ${reference.code}`
  if ('id' in reference) return Prisma.sql`c.id = ${reference.id}`
  return Prisma.sql`c.id = ${ownerOf(reference.address)}`
}
