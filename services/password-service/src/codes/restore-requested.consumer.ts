import { RestoreRequested } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import { afterAnswer } from '../after-answer.ts'
import type { Codes } from './codes.service.ts'

/** A restore was asked for: find out whose it is. */
export const consumeRestoreRequested = (deps: ConsumerDeps, codes: Codes): Consumer =>
  consume(deps, {
    event: RestoreRequested,
    concurrency: 32,
    pause: afterAnswer,
    handle: (request) => codes.sendForRestore(request),
  })
