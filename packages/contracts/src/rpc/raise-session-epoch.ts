import { type Static, Type } from '@sinclair/typebox'
import { SessionEpoch } from '../fields.ts'
import { CustomerCode } from './customers.ts'

/**
 * The gateway asks if its own epoch is higher than the one of a sign-in. Either all sessions ended after the password was
 * verified, or Postgres was restored from a copy that is older than the gateway's epoch, or the gateway's epoch is wrong.
 */
export const RaiseSessionEpoch = {
  subject: 'session.raise-epoch',
  summary:
    "Raise a customer's session epoch to the gateway's, unless it changed since the password of a sign-in was verified.",
  request: Type.Object({
    customer: CustomerCode,
    verifiedEpoch: { ...SessionEpoch, description: 'Session epoch when the password was verified.' },
    gatewayEpoch: { ...SessionEpoch, description: 'Higher session epoch that the gateway has stored.' },
  }),
  reply: Type.Object({
    raised: Type.Boolean({ description: 'False: all sessions ended since; the sign-in is refused.' }),
  }),
}
export type RaiseSessionEpochRequest = Static<typeof RaiseSessionEpoch.request>
export type RaiseSessionEpochReply = Static<typeof RaiseSessionEpoch.reply>
