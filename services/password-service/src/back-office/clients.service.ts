import { type Client, type FindClientsQuery, formatTime, parseUsername, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { LockoutService } from '../lockout/lockout.service.ts'
import type { ClientStore, Search, StoredClient } from './clients.store.ts'
import { unknownCustomer } from './reset-password.ts'

interface Deps extends Pick<LockoutService, 'lockoutOf'> {
  store: ClientStore
  now: Now
}

/** @throws RekeyError invalid_request unless exactly one field is given */
const toSearch = ({ email, phone, customer }: FindClientsQuery): Search => {
  const given: Search[] = [
    ...(email !== undefined ? [{ address: parseUsername(email) }] : []),
    ...(phone !== undefined ? [{ address: parseUsername(`+${phone.slice(1)}`) }] : []),
    ...(customer !== undefined ? [{ code: customer }] : []),
  ]
  const [only] = given
  if (only && given.length === 1) return only
  const message = 'must be the only one of email, phone and customer'
  throw new RekeyError('invalid_request', {
    detail: 'Exactly one of email, phone, customer must be given.',
    fields: ['email', 'phone', 'customer'].map((field) => ({ field, code: 'not_exactly_one', message })),
  })
}

/** B10: what the back office reads of customers. */
export const createClientReader = ({ store, lockoutOf, now }: Deps) => {
  const toClient = async (stored: StoredClient): Promise<Client> => {
    const { id, code, status, identifiers, holdUntil, mustChange } = stored
    const lockout = await lockoutOf(id)
    return {
      id,
      customer: code,
      status,
      identifiers: identifiers.map(({ kind, value, verifiedAt }) => ({
        kind,
        value,
        ...(verifiedAt !== null && { verifiedAt: formatTime(new Date(verifiedAt)) }),
      })),
      ...(holdUntil && holdUntil > now() && { hold: { until: formatTime(holdUntil) } }),
      ...(lockout && {
        restoreLockout: { from: formatTime(lockout.from), ...(lockout.until && { until: formatTime(lockout.until) }) },
      }),
      mustChange,
      ...(stored.lastId !== null && {
        lastChange: {
          id: stored.lastId,
          type: stored.lastType,
          operation: stored.lastOperation,
          createTime: formatTime(stored.lastTime),
        },
      }),
    }
  }

  const read = async (search: Search): Promise<Client[]> => Promise.all((await store.find(search)).map(toClient))

  return {
    /** The customers with this address, confirmed or not, or this code. @throws RekeyError invalid_request, unavailable */
    async findClients(query: FindClientsQuery): Promise<{ total: number; data: Client[] }> {
      const data = await read(toSearch(query))
      return { total: data.length, data }
    },

    /** One customer. @throws RekeyError not_found, unavailable */
    async getClient(id: number): Promise<Client> {
      const [client] = await read({ id })
      if (!client) throw unknownCustomer()
      return client
    },
  }
}

export type ClientReader = ReturnType<typeof createClientReader>
