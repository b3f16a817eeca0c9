import type { TokenClaims } from '@rekey/platform/auth'
import type { FastifyRequest } from 'fastify'

/** The member of the back office in whose name an action is carried out. */
interface Actor {
  /** Token subject. */
  id: string
  clientId: string
  /** Address the request came from. */
  ip: string
  /** Why, in the member's own words. Neither logs nor events contain it. */
  reason?: string | undefined
}

/** The member of the back office who sent a request. */
export interface Staff extends Actor {
  /** The person whom the token stands for; undefined if its client names no owner. Two clients of one owner are one. */
  owner: string | undefined
}

/** The member who requested an action and, where a second person is required, the one who approved it. */
export interface Mandate extends Actor {
  /** Token subject. */
  approvedBy?: string | undefined
}

/**
 * A person's own token has another subject than its client (RFC 9068 §2.2), and counts as that person whatever the
 * client. A client's own token counts as the owner that the registry names.
 */
const ownerOf = ({ sub, client_id: clientId, owner }: TokenClaims): string | undefined =>
  owner ?? (sub === clientId ? undefined : sub)

/** The sender of a request that has passed the bearer check. */
export const staffOf = ({ bearer, ip }: FastifyRequest, reason?: string): Staff => ({
  id: bearer.sub,
  clientId: bearer.client_id,
  ip,
  owner: ownerOf(bearer),
  reason,
})

/** The fields of log lines (S35). */
export const staffForLog = ({ id, clientId, ip, approvedBy }: Mandate) => ({
  actor: 'back_office' as const,
  actorId: id,
  ...(approvedBy !== undefined && { approvedBy }),
  clientId,
  address: ip,
  channel: 'api' as const,
})

/** The fields of events of the PASSWORD stream. */
export const staffForEvent = ({ id, clientId, ip, approvedBy }: Mandate) => ({
  actor: 'back_office' as const,
  actorId: id,
  ...(approvedBy !== undefined && { approvedBy }),
  clientId,
  ip,
})

/** The fields of history records. */
export const staffForRecord = ({ id, clientId, ip, approvedBy, reason }: Mandate) => ({
  type: 'changed' as const,
  actor: 'back_office' as const,
  actorId: id,
  clientId,
  channel: 'api',
  ip,
  approvedBy,
  reason,
})
