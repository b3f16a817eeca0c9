import type * as api from './contract.ts'
import type { CallOptions, Send } from './http.ts'
import type { Answer, OfClient } from './requests.ts'

/** Verifications of customers who call the help desk. */
export interface VerificationCalls {
  /** Gets until when this member's verification of the customer counts, and the ways to verify the customer. */
  getVerification(
    request: OfClient,
    options?: CallOptions,
  ): Promise<Answer<'GET /api/v2/clients/:clientId/verifications'>>
  /** C8. Sends the customer two words and a code. Say the words first; the customer then reads out the code. */
  beginVerification(
    request: OfClient & api.BeginVerificationBody,
    options?: CallOptions,
  ): Promise<Answer<'POST /api/v2/clients/:clientId/verifications'>>
  /** C9. Confirms it by the code: the customer counts as verified for 15 minutes, for this member of staff. */
  confirmVerification(
    request: OfClient & { verificationId: string; code: string | number; reason?: string },
    options?: CallOptions,
  ): Promise<void>
}

const path = '/api/v2/clients/:clientId/verifications'

export const createVerificationCalls = (send: Send): VerificationCalls => ({
  getVerification: ({ accessToken, ...params }, options) => send(`GET ${path}`, { accessToken, params }, options),
  beginVerification: ({ accessToken, clientId, ...body }, options) =>
    send(`POST ${path}`, { accessToken, params: { clientId }, body }, options),
  confirmVerification: ({ accessToken, clientId, verificationId, ...body }, options) =>
    send(`POST ${path}/:verificationId`, { accessToken, params: { clientId, verificationId }, body }, options),
})
