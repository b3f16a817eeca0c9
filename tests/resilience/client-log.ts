import type { TestCustomer } from '@rekey/test-support/customers'

/** HTTP status of an answer; undefined if none came. */
export type Status = number | undefined

/** A code that an answer promised. */
export interface PromisedCode {
  to: string
  challengeId: string
  /** Verification code: in the answer and in the message. */
  verification: string
  expiresAt: Date
}

/** One request for a new password. */
export interface Attempt {
  password: string
  startedAt: Date
  endedAt: Date
  status: Status
}

/** One request, and when it was answered. */
export type Asked = Omit<Attempt, 'password'>

/** A grant for one new password, and the requests that used it. */
export interface Grant {
  customer: TestCustomer
  operation: 'change' | 'restore'
  jti: string
  challengeId: string
  /** Session that a change does not end. */
  session?: string
  /** True if it has one proof of a customer who must give two: it sets a password only after a wait. */
  isOneOfTwo?: true
  tries: Attempt[]
}

/** A right code of an enrolled method, as it was sent for one challenge. */
export interface FactorProof {
  customer: TestCustomer
  method: 'totp' | 'recovery_code'
  /** The time step, or the recovery code. */
  used: string
  /** The challenge, if the client knows its id. */
  challengeId?: string
  /** Number of answers that accepted it. */
  accepted: number
}

/** An objection to a restore that waits. */
export interface Objection extends Asked {
  by: 'link' | 'sign_in'
  /** The outcome that the page stated. */
  said?: 'vetoed' | 'completed' | 'over' | undefined
}

/** A customer's only waiting restore, as the clients know it. */
export interface WaitingStory {
  customer: TestCustomer
  /** True once an answer said that it waits. */
  isOpen: boolean
  objections: Objection[]
  /** Grants of new restores by the same method, after the wait. */
  completions: Grant[]
}

/** A sign-in and its tokens. */
export interface SignIn {
  customer: TestCustomer
  session: string
  accessToken: string
  accessExpiresAt: Date
  refreshToken: string
  /** Number of the customer's grants at that time. */
  grantsBefore: number
}

/** All requests of the clients and their answers. */
export interface ClientLog {
  customers: TestCustomer[]
  /** Number of requests by step and status. */
  requests: Map<string, Map<Status, number>>
  /** Counts one more request. */
  note(step: string, status: Status): void
  promisedCodes: PromisedCode[]
  /** Challenges whose code was accepted, once per 200. */
  acceptedCodes: string[]
  /** In the order of issue. */
  grants: Grant[]
  signIns: SignIn[]
  factorProofs: FactorProof[]
  stories: WaitingStory[]
  /** Sign-ins with the last acknowledged password, and those of them that were refused. */
  rightPasswords: { tried: number; refused: string[] }
  /** Right codes, and those that were refused without an earlier lost answer. */
  rightCodes: { tried: number; refused: string[] }
  /** Unused grants, and those that were refused without an earlier lost answer. */
  freshGrants: { tried: number; refused: string[] }
}

export const emptyClientLog = (customers: TestCustomer[]): ClientLog => ({
  customers,
  requests: new Map(),
  note(step, status) {
    const outcomes = this.requests.get(step) ?? new Map<Status, number>()
    this.requests.set(step, outcomes.set(status, (outcomes.get(status) ?? 0) + 1))
  },
  promisedCodes: [],
  acceptedCodes: [],
  grants: [],
  signIns: [],
  factorProofs: [],
  stories: [],
  rightPasswords: { tried: 0, refused: [] },
  rightCodes: { tried: 0, refused: [] },
  freshGrants: { tried: 0, refused: [] },
})

/** True for an acknowledgement: 204, or 200 with an empty object (A3). */
export const isDone = ({ status }: Attempt): boolean => status === 204 || status === 200

/** True if the outcome is uncertain: no answer, or a 5xx. */
export const isUnknown = (status: Status): boolean => status === undefined || status >= 500
