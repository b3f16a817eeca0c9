import { accessTokenSeconds, SessionRevoked } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'

/** On a machine whose clock is late a token outlives its time. */
const clockSlackMs = 3_600_000

/** A session was ended by itself: remember it for as long as a token of it could live. */
export const consumeSessionRevoked = (
  deps: ConsumerDeps,
  { revoke, now }: { revoke(sessionId: string, expiresAt: Date): Promise<void>; now: Now },
): Consumer =>
  consume(deps, {
    event: SessionRevoked,
    concurrency: 32,
    // Counted from now, not from the event: it may have waited, but no token was made for the session since.
    handle: ({ sessionId }) => revoke(sessionId, new Date(now().getTime() + accessTokenSeconds * 1_000 + clockSlackMs)),
  })
