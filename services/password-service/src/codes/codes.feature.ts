import { ChallengeIssued, RestoreRequested } from '@rekey/contracts'
import { consumeTogether } from '@rekey/platform/consume-together'
import { consume } from '@rekey/platform/consumer'
import { readQuota } from '@rekey/platform/quota'
import { afterAnswer } from '../after-answer.ts'
import type { Config } from '../config.ts'
import { createCustomerStore } from '../customers/customers.store.ts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import { createChallengeCodes } from './challenge-codes.ts'
import { createCodePublisher } from './code-publisher.ts'
import { createRestoreCodes } from './restore-codes.ts'
import { createRestoreSends, deleteOldSends } from './restore-sends.ts'
import { createSuppressions } from './suppressions.ts'
import { createTurns } from './turns.ts'

interface Others {
  lockout: LockoutFeature
}

/** Finds the recipient of each code that the gateway created. */
export const createCodes = (infra: Infrastructure, config: Config, { lockout }: Others): Feature => {
  const { scale } = lockout
  const quota = readQuota(config.REKEY_LIMIT_CODE_ACCOUNT, scale)
  const codes = createCodePublisher(infra)
  const sendForChallenge = createChallengeCodes({ ...infra, store: createCustomerStore(infra.database), codes })
  const sendForRestores = createRestoreCodes({
    ...infra,
    codes,
    sends: createRestoreSends({ ...infra, quota, scale }),
    lockout,
    suppressions: createSuppressions(infra),
    turns: createTurns({ ...infra, lengthMs: config.REKEY_CODE_PACE_MS / scale }),
  })
  return {
    consumers: (deps) => [
      consumeTogether(deps, { event: RestoreRequested, most: 256, pause: afterAnswer, handle: sendForRestores }),
      consume(deps, {
        event: ChallengeIssued,
        concurrency: 32,
        handle: (issued, { time }) => sendForChallenge(issued, time),
      }),
    ],
    deletions: { 'old sends': deleteOldSends(infra.loops, quota) },
  }
}
