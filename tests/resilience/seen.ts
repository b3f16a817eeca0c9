import type { TestCustomer } from '@rekey/test-support/customers'

/** What of an answer matters: undefined where none came. */
export type Status = number | undefined

/** A code that was asked for, and promised. */
export interface PromisedCode {
  to: string
  challengeId: string
  /** Stands in the answer and in the message. */
  verification: string
  expiresAt: Date
}

/** One request that would set a new password. */
export interface Try {
  password: string
  startedAt: Date
  endedAt: Date
  status: Status
}

/** What a code was traded for: good for one new password. */
export interface Grant {
  customer: TestCustomer
  operation: 'change' | 'restore'
  jti: string
  challengeId: string
  /** Session that a change keeps. */
  session?: string
  tries: Try[]
}

/** Somebody signed in. */
export interface SignIn {
  customer: TestCustomer
  session: string
  accessToken: string
  accessExpiresAt: Date
  refreshToken: string
  /** How many grants the customer had been given by then. */
  grantsBefore: number
}

/** Everything that clients know: what they asked and what they were answered. */
export interface Seen {
  customers: TestCustomer[]
  /** Requests by what was asked and what came of it. */
  requests: Map<string, Map<Status, number>>
  /** Counts one more request. */
  note(step: string, status: Status): void
  promisedCodes: PromisedCode[]
  /** Challenges whose code was answered 200, as often as it was. */
  takenCodes: string[]
  /** In the order in which they were given. */
  grants: Grant[]
  signIns: SignIn[]
  /** Sign-ins with a password that had been answered 204 last: all of them, and those that were refused. */
  ownPassword: { tried: number; refused: string[] }
  /** Codes that were right, and answers 4xx to them that no lost answer explains. */
  rightCodes: { tried: number; refused: string[] }
  /** The same of grants. */
  freshGrants: { tried: number; refused: string[] }
}

export const nothingSeen = (customers: TestCustomer[]): Seen => ({
  customers,
  requests: new Map(),
  note(step, status) {
    const outcomes = this.requests.get(step) ?? new Map<Status, number>()
    this.requests.set(step, outcomes.set(status, (outcomes.get(status) ?? 0) + 1))
  },
  promisedCodes: [],
  takenCodes: [],
  grants: [],
  signIns: [],
  ownPassword: { tried: 0, refused: [] },
  rightCodes: { tried: 0, refused: [] },
  freshGrants: { tried: 0, refused: [] },
})

/** Answered as done: 204, or 200 where the document has an empty object. */
export const isDone = ({ status }: Try): boolean => status === 204 || status === 200

/** Whether nobody was told how it ended: no answer, or one that says that it is not known. */
export const isUnknown = (status: Status): boolean => status === undefined || status >= 500
