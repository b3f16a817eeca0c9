import { AllPasswordsResetRequested, SessionNotBefore } from '@rekey/contracts'
import { type Background, runInBackground } from '@rekey/platform/background'
import type { Broker } from '@rekey/platform/broker'
import type { Logger } from '@rekey/platform/logger'
import { callRpc } from '@rekey/platform/rpc'
import type { Subscription } from 'nats'

export interface NotBefore extends Background {
  /** Each session of a customer that began at or before it has ended. Undefined: none was ended, or it is not known yet. */
  current(): Date | undefined
}

/** Longest delay if the announcement of a new value was lost. */
const pollMs = 5_000
const backoffMs = { first: 250, most: 5_000 }

/**
 * Follows the not-before of all sessions, which the password-service stores. The event only announces a new value, which is
 * then read by RPC: a forged event ends no session, and a lost one is made up for by the next read. The value is kept in
 * memory and never lowered, so that neither a lost Redis nor an older copy of Postgres revives a session.
 */
export const followNotBefore = ({ broker, log }: { broker: Broker; log: Logger }): NotBefore => {
  let current: Date | undefined
  let subscription: Subscription | undefined

  const read = async () => {
    const { notBefore } = await callRpc(broker, SessionNotBefore, {})
    const found = notBefore === undefined ? undefined : new Date(notBefore)
    if (!found || (current && found <= current)) return
    current = found
    log.event('all_sessions_ended', { notBefore: found })
  }
  const background = runInBackground({
    work: read,
    pollMs,
    backoffMs,
    waiting: 'sessions: the not-before is not read, it is retried',
    log,
  })
  broker.onConnect(async (connection) => {
    subscription?.unsubscribe()
    subscription = connection.subscribe(AllPasswordsResetRequested.type, { callback: () => background.wake() })
    background.wake()
  })
  return { ...background, current: () => current }
}
