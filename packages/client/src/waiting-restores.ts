import type { ApprovalNeeded } from './contract.ts'
import type { CallOptions, Send } from './http.ts'
import type { Answer, OfClient } from './requests.ts'

const path = '/api/v2/clients/:clientId/waiting-restore'

/** Restores that wait because the customer could give one proof of two. */
export interface WaitingRestoreCalls {
  /** C10. Lists them, newest first. */
  listClientWaitingRestores(request: OfClient, options?: CallOptions): Promise<Answer<`GET ${typeof path}`>>
  /** C11. Vetoes the one that waits. May be repeated. */
  vetoClientWaitingRestore(request: OfClient & { reason: string }, options?: CallOptions): Promise<void>
  /** C12. Asks for the end of its wait, after a verification of the customer. Resolves with the approval of a second person. */
  endClientWait(request: OfClient & { reason: string }, options?: CallOptions): Promise<ApprovalNeeded>
}

export const createWaitingRestoreCalls = (send: Send): WaitingRestoreCalls => ({
  listClientWaitingRestores: ({ accessToken, ...params }, options) =>
    send(`GET ${path}`, { accessToken, params }, options),
  vetoClientWaitingRestore: ({ accessToken, clientId, ...body }, options) =>
    send(`POST ${path}/veto`, { accessToken, params: { clientId }, body }, options),
  endClientWait: ({ accessToken, clientId, ...body }, options) =>
    send(`POST ${path}/end-wait`, { accessToken, params: { clientId }, body }, options),
})
