import { RekeyError, SessionsEnded } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { lockCustomerByCode } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { endSessions, isSessionEndedWithin, sessionOf } from '../sessions/sessions.store.ts'

interface Deps {
  database: Database
  now: Now
  random: Random
  log: Logger
}

/**
 * Ends all sessions of the signed-in customer except that of the token (B12, ASVS 7.5.2).
 *
 * @throws RekeyError invalid_token, unavailable
 */
export const endOtherSessions = async (
  { database, now, random, log }: Deps,
  bearer: TokenClaims,
  ip: string,
): Promise<void> => {
  const { sub, client_id: clientId } = bearer
  await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomerByCode(tx, sub)
    // Checked again under the lock: a session that ended meanwhile would become the kept one, and so live again.
    if (!customer || (await isSessionEndedWithin(tx, bearer))) throw new RekeyError('invalid_token')
    const keptSession = sessionOf(bearer)
    const sessionEpoch = await endSessions(tx, customer.id, { at, kept: keptSession })
    const data = {
      customer: sub,
      customerId: customer.id,
      actor: 'client' as const,
      actorId: sub,
      clientId,
      ip,
      sessionEpoch,
      keptSession,
    }
    await addEvents(tx, sub, at, [newEvent(SessionsEnded, random.id(), data)])
  })
  const fields = { customer: sub, actor: 'client', clientId, address: ip, channel: 'api' } as const
  log.event('authn_sessions_ended', fields, 'the customer ended all other sessions')
}
