import type { FastifyRequest } from 'fastify'

/** Who of the back office asks. */
export interface Staff {
  /** Token subject. */
  id: string
  clientId: string
  /** Address the request came from. */
  ip: string
}

/** Who asked, and who of the others agreed where that is needed. */
export interface Mandate extends Staff {
  approvedBy?: string | undefined
}

/** Who a request that has passed the bearer check came from. */
export const staffOf = ({ bearer, ip }: FastifyRequest): Staff => ({ id: bearer.sub, clientId: bearer.client_id, ip })

/** How logs name them (S35). */
export const staffForLog = ({ id, clientId, ip, approvedBy }: Mandate) => ({
  actor: 'back_office',
  actorId: id,
  ...(approvedBy !== undefined && { approvedBy }),
  clientId,
  address: ip,
  channel: 'api',
})

/** How events of the PASSWORD stream name them. */
export const staffForEvent = ({ id, clientId, ip }: Staff) => ({
  actor: 'back_office' as const,
  actorId: id,
  clientId,
  ip,
})
