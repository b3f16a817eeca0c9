import type { FastifyRequest } from 'fastify'

/** The member of the back office who sent a request. */
export interface Staff {
  /** Token subject. */
  id: string
  clientId: string
  /** Address the request came from. */
  ip: string
}

/** The member who requested an action and, where a second person is required, the one who approved it. */
export interface Mandate extends Staff {
  /** Token subject. */
  approvedBy?: string | undefined
}

/** The sender of a request that has passed the bearer check. */
export const staffOf = ({ bearer, ip }: FastifyRequest): Staff => ({ id: bearer.sub, clientId: bearer.client_id, ip })

/** The fields of log lines (S35). */
export const staffForLog = ({ id, clientId, ip, approvedBy }: Mandate) => ({
  actor: 'back_office',
  actorId: id,
  ...(approvedBy !== undefined && { approvedBy }),
  clientId,
  address: ip,
  channel: 'api',
})

/** The fields of events of the PASSWORD stream. */
export const staffForEvent = ({ id, clientId, ip }: Staff) => ({
  actor: 'back_office' as const,
  actorId: id,
  clientId,
  ip,
})
