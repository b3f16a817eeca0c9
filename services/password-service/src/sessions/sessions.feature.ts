import {
  accessTokenSeconds,
  isPlausibleEpoch,
  RaiseSessionEpoch,
  type RaiseSessionEpochRequest,
  SessionNotBefore,
  type SessionNotBeforeReply,
  SessionRevoked,
} from '@rekey/contracts'
import { consume } from '@rekey/platform/consumer'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { together } from '../together.ts'
import { findNotBefore } from './not-before.store.ts'
import {
  areSessionsEnded,
  clockSlackMs,
  deleteExpiredSessions,
  raiseEpoch,
  recordRevokedSession,
  type SessionClaims,
} from './sessions.store.ts'

export interface Sessions extends Feature {
  /** True if the token's session is over. @throws RekeyError unavailable */
  isEnded(token: SessionClaims): Promise<boolean>
}

/** Revoked sessions, the not-before of all sessions, and the check of a token's session. */
export const createSessions = ({ database, loops, now, log }: Infrastructure): Sessions => ({
  isEnded: together((tokens: readonly SessionClaims[]) => areSessionsEnded(database, tokens)),

  rpcs: [
    {
      rpc: SessionNotBefore,
      async answer(): Promise<SessionNotBeforeReply> {
        const notBefore = await database.query(findNotBefore)
        return notBefore ? { notBefore: notBefore.toISOString() } : {}
      },
    },
    {
      rpc: RaiseSessionEpoch,
      async answer(request: RaiseSessionEpochRequest) {
        const { customer, verifiedEpoch, gatewayEpoch } = request
        const raised = isPlausibleEpoch(gatewayEpoch, now()) && (await raiseEpoch(database, request))
        if (raised) {
          log.event('session_epoch_raised', { customer, verifiedEpoch, gatewayEpoch })
        }
        return { raised }
      },
    },
  ],

  consumers: (deps) => [
    consume(deps, {
      event: SessionRevoked,
      concurrency: 32,
      // Counted from now: the event may have waited, but no token was issued for the session since.
      handle: ({ sessionId }) =>
        recordRevokedSession(
          database,
          sessionId,
          new Date(now().getTime() + accessTokenSeconds * 1_000 + clockSlackMs),
        ),
    }),
  ],
  deletions: { 'expired sessions': deleteExpiredSessions(loops) },
})
