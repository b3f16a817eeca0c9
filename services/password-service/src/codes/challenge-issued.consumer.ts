import { ChallengeIssued } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { Codes } from './codes.service.ts'

/** A code was made for a customer who is known: find out where it goes. */
export const consumeChallengeIssued = (deps: ConsumerDeps, codes: Codes): Consumer =>
  consume(deps, { event: ChallengeIssued, concurrency: 32, handle: (issued) => codes.sendForChallenge(issued) })
