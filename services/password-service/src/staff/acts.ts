/**
 * True if an act of staff needs a verification of the customer (REKEY_STAFF_NEEDS_PROOF); else the reason why not. `always`:
 * it needs the verification and a second person, whatever the configuration; neither replaces the other.
 */
type Needs = { needsProof: true; always?: true } | { needsProof: false; because: string }

const needed: Needs = { needsProof: true }
const notNeeded = (because: string): Needs => ({ needsProof: false, because })

/** Every route by which staff act, with the rule of S59. A test compares it with the contract. */
export const acts = {
  'PUT /api/v2/clients/:clientId/password': needed,
  'PATCH /api/v2/clients/:clientId/password': needed,
  'POST /api/v2/clients/:clientId/reset-password': needed,
  'DELETE /api/v2/clients/:clientId/factors': needed,
  'DELETE /api/v2/clients/:clientId/hold': needed,
  'DELETE /api/v2/clients/:clientId/block': needed,
  'POST /api/v2/clients/:clientId/waiting-restore/end-wait': { needsProof: true, always: true },
  'POST /api/v2/clients/:clientId/waiting-restore/veto': notNeeded(
    'it protects the customer, whose password stays as it is',
  ),
  'PUT /api/v2/clients/:clientId/block': notNeeded(
    'it protects the customer, who may be somebody else than the caller',
  ),
  'DELETE /api/v2/clients/:clientId/sessions': notNeeded('it protects the customer, who signs in again'),
  'POST /api/v2/clients/:clientId/verifications': notNeeded('it is how a verification begins'),
  'POST /api/v2/clients/:clientId/verifications/:verificationId': notNeeded('it is the verification'),
  'POST /api/v2/clients/reset-password': notNeeded('it is about all customers, none of whom calls'),
  'POST /api/v2/jobs/:jobId/cancel': notNeeded('it is about a job of all customers'),
  'POST /api/v2/approvals/:approvalId/approve': notNeeded('the request was judged when it was made'),
  'POST /api/v2/approvals/:approvalId/reject': notNeeded('nothing is carried out'),
} as const satisfies Record<string, Needs>
