import type { Address } from '@rekey/contracts'
import type { ChainedChange } from '../history/digest.ts'

/** What the events of a replacement are made from. */
export interface Replaced {
  customer: { id: number; code: string; locale: string; timezone: string }
  change: ChainedChange
  addresses: Address[]
  sessionEpoch: number
}

/** What every event of a new password, or of the wish for one, says of it. */
export const factOf = ({ customer, change, sessionEpoch }: Replaced) => ({
  customer: customer.code,
  customerId: customer.id,
  changeId: change.id,
  actor: change.actor,
  actorId: change.actorId,
  clientId: change.clientId,
  channel: change.channel,
  ip: change.ip,
  digest: change.digest,
  sessionEpoch,
})
