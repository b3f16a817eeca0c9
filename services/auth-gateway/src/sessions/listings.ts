import type { Keys } from '@rekey/platform/keys'
import { seal, unseal } from '@rekey/platform/seal'
import type { StoredRecords } from '../stored-records/stored-records.ts'
import type { SessionName } from './sessions.store.ts'

/** What the list states of a session. Times in ms. */
export interface Listing {
  clientId: string
  /** When the customer submitted the code of the sign-in. */
  signedInAt: number
  lastUsedAt: number
  /** Client address of the sign-in or the last refresh. */
  ip: string
  /** The customer's epoch at the sign-in. */
  epoch: number
  /** After it no token of the session is valid. */
  lastsUntil: number
}

interface Deps {
  keys: Keys
  refuse: StoredRecords['refuse']
}

const kind = 'session listing'

/** Sealed for one session of one customer: Redis shows no address, and cannot move or make a listing (S35, S40). */
const contextOf = ({ subject, sessionId }: SessionName) => JSON.stringify([kind, subject, sessionId])

/** Seals and opens what the list states of a session. */
export const createListings = ({ keys, refuse }: Deps) => ({
  seal: (name: SessionName, listing: Listing): string => seal(keys, contextOf(name), listing),

  /** @returns undefined if the gateway did not seal it for this session; that is logged */
  async open(name: SessionName, sealed: string): Promise<Listing | undefined> {
    try {
      return await unseal<Listing>(keys, contextOf(name), sealed)
    } catch {
      refuse(kind, contextOf(name), 'changed')
      return undefined
    }
  },
})

export type Listings = ReturnType<typeof createListings>
