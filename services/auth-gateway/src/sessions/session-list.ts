import {
  type ClientSession,
  type CustomersSummaryReply,
  formatTime,
  type MySession,
  noSuchResource,
} from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { beganBefore } from '@rekey/platform/session-not-before'
import type { Listing, Listings } from './listings.ts'
import type { NotBefore } from './not-before.ts'
import type { SessionService } from './sessions.service.ts'
import type { SessionName, SessionStore } from './sessions.store.ts'

interface Deps {
  store: SessionStore
  listings: Listings
  notBefore: Pick<NotBefore, 'current'>
  /** Ends a session. @throws RekeyError unavailable */
  end: SessionService['end']
  /** Resolves once Redis has every end of a session. @throws RekeyError unavailable */
  complete(): Promise<void>
  /** The code of a customer. @throws RekeyError unavailable */
  findCustomer(request: { customerId: number }): Promise<CustomersSummaryReply>
  now: Now
  log: Logger
}

/** A page of everything: a list is bounded. */
interface All<T> {
  total: number
  data: T[]
}

const allOf = <T>(data: T[]): All<T> => ({ total: data.length, data })

const toSession = ({ sessionId: id, clientId: client, signedInAt, lastUsedAt, ip }: Listing & SessionName) => ({
  id,
  client,
  createdAt: formatTime(new Date(signedInAt)),
  lastUsedAt: formatTime(new Date(lastUsedAt)),
  ip,
})

/** B12: the list of a customer's sessions, and the end of one of them (ASVS 7.5.2). */
export const createSessionList = (deps: Deps) => {
  const { store, listings, notBefore, end, complete, findCustomer, now, log } = deps

  const list = async (subject: string): Promise<ClientSession[]> => {
    await complete()
    const at = now().getTime()
    const { listed, epoch, kept } = await store.list(subject, at)
    const isOver = ({ sessionId, ...listing }: Listing & SessionName) =>
      listing.lastsUntil <= at ||
      (epoch > listing.epoch && kept !== sessionId) ||
      beganBefore(listing.signedInAt / 1_000, notBefore.current())
    const opened = await Promise.all(
      listed.map(async ({ sessionId, isActive, sealed }) => {
        const name = { subject, sessionId }
        const listing = isActive && sealed !== undefined && (await listings.open(name, sealed))
        return listing && !isOver({ ...listing, ...name }) ? [toSession({ ...listing, ...name })] : []
      }),
    )
    return opened.flat()
  }

  return {
    /** The sessions of the signed-in customer. @throws RekeyError unavailable */
    async ofCustomer({ sub, sid }: TokenClaims): Promise<All<MySession>> {
      return allOf((await list(sub)).map((session) => ({ ...session, current: session.id === sid })))
    },

    /**
     * The sessions of a customer, for the back office. Each read is logged with its reader.
     *
     * @throws RekeyError not_found, unavailable
     */
    async ofClient(customerId: number, staff: TokenClaims, address: string): Promise<All<ClientSession>> {
      const found = await findCustomer({ customerId })
      if (!found.found) throw noSuchResource('clientId')
      const { customer } = found
      const actor = { actor: 'back_office', actorId: staff.sub, clientId: staff.client_id, address, channel: 'api' }
      log.info({ event: 'back_office_sessions_read', customer, ...actor }, 'the back office read sessions')
      return allOf(await list(customer))
    },

    /**
     * Ends one session of the signed-in customer: here at once, at other services when the event arrives. One that has
     * ended already is ended again, so that a request whose event was not published can be repeated.
     *
     * @throws RekeyError not_found (unknown, forgotten, or another customer's), unavailable
     */
    async endOne({ sub: subject }: TokenClaims, sessionId: string): Promise<void> {
      await complete()
      const name = { subject, sessionId }
      const sealed = await store.findListing(name)
      const listing = sealed === undefined ? undefined : await listings.open(name, sealed)
      if (!listing || listing.lastsUntil <= now().getTime()) throw noSuchResource('sessionId')
      await end({ ...name, clientId: listing.clientId, reason: 'revoked', by: 'customer' })
    },
  }
}

export type SessionList = ReturnType<typeof createSessionList>
