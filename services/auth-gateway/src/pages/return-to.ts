import { RekeyError, scopes } from '@rekey/contracts'
import type { Clients } from '../clients/clients.ts'
import { textPage } from '../layout/renderer.ts'
import type { Page, View } from '../layout/view.ts'
import type { ReturnTo } from './hosted-restore.state.ts'

/** The client's parameters of `/restore`. */
export interface ClientParameters {
  client_id?: string
  redirect_uri?: string
  state?: string
  /** Of an authorization request (A7). */
  code_challenge?: string
}

/** Why a link to the hosted restore cannot be used; the name of the parameter. */
export type ReturnFault =
  | 'client_id.missing'
  | 'client_id.unknown'
  | 'client_id.scope'
  | 'redirect_uri.missing'
  | 'redirect_uri.unknown'

/**
 * The client of a hosted restore. A confidential client cannot authenticate by a link, so its restores name the default
 * client (S46); they lead back to its registered address all the same.
 */
export const createReturnClients = (clients: Pick<Clients, 'find' | 'forRedirect'>, defaultClientId: string) => ({
  /** Nobody is led to an address that the client did not register (RFC 9700 §4.11). */
  faultOf({ client_id, redirect_uri, state }: ClientParameters): ReturnFault | undefined {
    if (client_id === undefined) {
      return redirect_uri === undefined && state === undefined ? undefined : 'client_id.missing'
    }
    const client = clients.find(client_id)
    if (!client) return 'client_id.unknown'
    if (!client.scopes.includes(scopes.restore)) return 'client_id.scope'
    if (redirect_uri === undefined) return 'redirect_uri.missing'
    try {
      clients.forRedirect(client_id, redirect_uri)
      return undefined
    } catch (error) {
      if (!(error instanceof RekeyError)) throw error
      return 'redirect_uri.unknown'
    }
  },

  /** The client and the way back, of parameters without a fault. */
  chosen({ client_id, redirect_uri, state, code_challenge }: ClientParameters): {
    clientId: string
    returnTo: ReturnTo | undefined
  } {
    const isPublic = client_id !== undefined && clients.find(client_id)?.type === 'public'
    return {
      clientId: isPublic ? client_id : defaultClientId,
      returnTo:
        redirect_uri === undefined ? undefined : { redirectUri: redirect_uri, state, codeChallenge: code_challenge },
    }
  },
})

export type ReturnClients = ReturnType<typeof createReturnClients>

const reasonKeys = {
  'client_id.missing': 'client.missing',
  'client_id.unknown': 'client.unknown',
  'client_id.scope': 'client.scope',
  'redirect_uri.missing': 'client.redirectMissing',
  'redirect_uri.unknown': 'client.redirectUnknown',
} as const satisfies Record<ReturnFault, string>

/** The page of a link that cannot be used: for the customer, and for the developer who made it. */
export const returnFaultPage = ({ t }: View, fault: ReturnFault): Page =>
  textPage(t('client.title'), t('client.what'), t(reasonKeys[fault]))
