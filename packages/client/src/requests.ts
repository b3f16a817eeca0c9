import type { Operations } from './contract.ts'

// Parts of requests that several calls have.

export interface Bearer {
  accessToken: string
}

export interface WithReason {
  /** Shown to the person who approves, and in the records. */
  reason?: string
}

/** `clientId` is the customer's id, as the published contract names it. */
export interface OfClient extends Bearer {
  clientId: number
}

export type Answer<Route extends keyof Operations> = Operations[Route]['answer']
