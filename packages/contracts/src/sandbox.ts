/** An OAuth client of the sandbox's registry. */
export interface SandboxClient {
  id: string
  /** Undefined: a public client. */
  secret?: string
  use: string
}

/** A customer that `npm start` inserts. */
export interface SandboxCustomer {
  id: number
  code: string
  password: string
  addresses: { kind: 'email' | 'phone'; value: string }[]
  /** Secret of the customer's authenticator app (RFC 6238, with the usual parameters), in base32. */
  totpSecret?: string
}

/** Clients of the sandbox. Their secrets are published: production refuses them. */
export const sandboxClients: readonly SandboxClient[] = [
  { id: 'ib_localhost', use: 'public: front ends and the hosted pages' },
  { id: 'bank_backend', secret: 'bank-secret', use: "confidential: a bank's back end, for its customers" },
  { id: 'backend_fin', secret: 'secretkey', use: 'confidential: the back office (REST:FULL)' },
]

/**
 * Customers of the sandbox. Their passwords do not pass the policy, which applies to new passwords only. The first two have
 * no second factor: the examples of the two published documents are theirs.
 */
export const sandboxCustomers: readonly SandboxCustomer[] = [
  {
    id: 1,
    code: 'EN00000CY',
    password: '111111',
    addresses: [
      { kind: 'email', value: 'bpmtestusr1@gmail.com' },
      { kind: 'phone', value: '+447700900001' },
    ],
  },
  {
    id: 2,
    code: 'EN00000DZ',
    password: '222222',
    addresses: [{ kind: 'email', value: 'bpmtestusr2@gmail.com' }],
  },
  {
    id: 3,
    code: 'EN00000EX',
    password: '333333',
    addresses: [{ kind: 'email', value: 'bpmtestusr3@gmail.com' }],
    // The secret of the test vectors of RFC 6238, appendix B.
    totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
  },
]
