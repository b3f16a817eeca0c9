import type { ApprovalNeeded, Client, FactorList, WaitingRestore } from '@rekey/contracts'
import type { TSchema } from '@sinclair/typebox'
import type { Api } from './api.ts'
import { OneApproval, OneCustomer, OneJob } from './parameters.ts'
import type { TemporaryPassword } from './temporary-password.ts'

/** What an act led to: carried out, waiting for a second person, or a job that runs. */
export interface Outcome extends Partial<ApprovalNeeded> {
  jobId?: string
}

/** Ids of the path, as the API takes them. */
type Ids = Record<string, string>

interface ActOn {
  /** Path of the form, below /staff. Its last part is the name of the act. */
  path: string
  params: TSchema | undefined
  /** True if the form has a warning colour. */
  isDangerous: boolean
  /** True if a second person must approve it with REKEY_BACK_OFFICE_FOUR_EYES. */
  needsTwo: boolean | 'always'
  /** True if staff must have verified the customer (REKEY_STAFF_NEEDS_PROOF), or a second person approves it. */
  needsProof?: boolean
  /** True if the form also asks for a temporary password. */
  asksPassword?: boolean
  /** Calls the API. @throws RekeyError as it answers */
  perform(api: Api, ids: Ids, reason: string, typed: TemporaryPassword): Promise<Outcome | undefined>
}

const client = ({ clientId }: Ids) => `/api/v2/clients/${clientId}`
const onCustomer = { params: OneCustomer, isDangerous: false, needsTwo: true, needsProof: true }
const onApproval = { params: OneApproval, isDangerous: false, needsTwo: false }

/** Everything that staff can do in the console. Each act has a form of its own, asks for a reason, and is one call of the API. */
export const acts = {
  reset: {
    ...onCustomer,
    path: '/customers/:clientId/reset',
    perform: (api, ids, reason) => api.post(`${client(ids)}/reset-password`, { reason }),
  },
  'set-password': {
    ...onCustomer,
    path: '/customers/:clientId/set-password',
    asksPassword: true,
    perform: (api, ids, reason, { password, send }) =>
      api.put(`${client(ids)}/password`, { password, send_mail: send === 'mail', reason }),
  },
  block: {
    ...onCustomer,
    path: '/customers/:clientId/block',
    isDangerous: true,
    needsTwo: false,
    needsProof: false,
    perform: (api, ids, reason) => api.put(`${client(ids)}/block`, { reason }),
  },
  unblock: {
    ...onCustomer,
    path: '/customers/:clientId/unblock',
    perform: (api, ids, reason) => api.delete(`${client(ids)}/block`, { reason }),
  },
  'end-hold': {
    ...onCustomer,
    path: '/customers/:clientId/end-hold',
    perform: (api, ids, reason) => api.delete(`${client(ids)}/hold`, { reason }),
  },
  'reset-factors': {
    ...onCustomer,
    path: '/customers/:clientId/reset-factors',
    isDangerous: true,
    perform: (api, ids, reason) => api.delete(`${client(ids)}/factors`, { reason }),
  },
  'veto-restore': {
    ...onCustomer,
    path: '/customers/:clientId/veto-restore',
    isDangerous: true,
    needsTwo: false,
    needsProof: false,
    perform: (api, ids, reason) => api.post(`${client(ids)}/waiting-restore/veto`, { reason }),
  },
  'end-wait': {
    ...onCustomer,
    path: '/customers/:clientId/end-wait',
    isDangerous: true,
    needsTwo: 'always',
    perform: (api, ids, reason) => api.post(`${client(ids)}/waiting-restore/end-wait`, { reason }),
  },
  'end-sessions': {
    ...onCustomer,
    path: '/customers/:clientId/end-sessions',
    isDangerous: true,
    needsTwo: false,
    needsProof: false,
    perform: (api, ids, reason) => api.delete(`${client(ids)}/sessions`, { reason }),
  },
  approve: {
    ...onApproval,
    path: '/approvals/:approvalId/approve',
    perform: (api, { approvalId }, reason) => api.post(`/api/v2/approvals/${approvalId}/approve`, { reason }),
  },
  reject: {
    ...onApproval,
    path: '/approvals/:approvalId/reject',
    perform: (api, { approvalId }, reason) => api.post(`/api/v2/approvals/${approvalId}/reject`, { reason }),
  },
  'reset-all': {
    path: '/reset-all',
    params: undefined,
    isDangerous: true,
    needsTwo: true,
    perform: (api, _ids, reason) => api.post('/api/v2/clients/reset-password', { reason }),
  },
  cancel: {
    path: '/jobs/:jobId/cancel',
    params: OneJob,
    isDangerous: true,
    needsTwo: false,
    perform: async (api, { jobId }, reason) => {
      await api.post(`/api/v2/jobs/${jobId}/cancel`, { reason })
      return {}
    },
  },
} satisfies Record<string, ActOn>

export type ActName = keyof typeof acts

/** The acts by name. */
export const actsByName = Object.entries<ActOn>(acts) as [ActName, ActOn][]

/** The acts on the page of a customer. Lifting a lockout of one address is possible without a lockout of the customer. */
export const actsOfCustomer = ({ status, hold }: Client, { total }: Pick<FactorList, 'total'>): ActName[] => [
  'reset',
  'set-password',
  ...(status === 'active' ? (['block'] as const) : []),
  'unblock',
  ...(hold ? (['end-hold'] as const) : []),
  ...(total > 0 ? (['reset-factors'] as const) : []),
]

/** The acts on a restore of the customer that waits, in this state. */
export const actsOfRestore = (state: WaitingRestore['state']): ActName[] => [
  ...(state === 'waiting' || state === 'ready' ? (['veto-restore'] as const) : []),
  ...(state === 'waiting' ? (['end-wait'] as const) : []),
]
