import { createHash } from 'node:crypto'
import { eventually } from '@rekey/test-support/eventually'
import type { Rekey } from '@rekey/test-support/rekey'
import { registeredClient } from '../clients.ts'

/** Clients of two members of staff. Each has an owner of its own: without one a client can request no end of a wait. */
const secrets = { backend_fin: 'secretkey', backend_two: 'another secret' } as const
type Member = keyof typeof secrets

const staffClient = (id: Member, index: number) =>
  registeredClient(id, {
    type: 'confidential',
    secret_sha256: createHash('sha256').update(secrets[id]).digest('hex'),
    redirect_uris: [],
    scopes: ['REST:FULL'],
    owner: `owner-${index + 1}`,
  })

/** The entries of REKEY_CLIENTS_FILE. */
export const clients = [registeredClient('ib_localhost'), ...(Object.keys(secrets) as Member[]).map(staffClient)]

/** Sends a request as a member of staff. */
export const sendAs = async ({ http }: Rekey, member: Member, method: string, path: string, body?: object) => {
  const credentials = { client_id: member, client_secret: secrets[member] }
  const token = await http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...credentials })
  const headers = {
    authorization: `Bearer ${token.body.access_token}`,
    ...(body && { 'content-type': 'application/json' }),
  }
  return http.send(method, `/api/v2/${path}`, headers, body && JSON.stringify(body))
}

/** The code in the message of a verification to one of these addresses, found by its two words. */
export const verificationCode = ({ inbox }: Rekey, addresses: readonly string[], words: string): Promise<string> =>
  eventually(
    async () => {
      for (const address of addresses) {
        const message = (await inbox.messagesTo(address)).find(({ Text }) => Text.includes(words))
        const code = message && /\b\d{6}\b/.exec(message.Text)?.[0]
        if (code !== undefined) return code
      }
      return undefined
    },
    { what: `the message with ${words}` },
  )
