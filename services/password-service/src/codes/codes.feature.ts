import { ChallengeIssued, RestoreRequested } from '@rekey/contracts'
import { consume } from '@rekey/platform/consumer'
import { readQuota } from '@rekey/platform/quota'
import { afterAnswer } from '../after-answer.ts'
import type { Config } from '../config.ts'
import { createCustomerStore } from '../customers/customers.store.ts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import { createCodeService } from './codes.service.ts'
import { deleteOldSends } from './count-send.ts'
import { notifyBlocked } from './notify-blocked.ts'
import { createSuppressions } from './suppressions.ts'
import { createTurns } from './turns.ts'

interface Others {
  lockout: LockoutFeature
}

/** Finds the recipient of each code that the gateway created. */
export const createCodes = (infra: Infrastructure, config: Config, { lockout }: Others): Feature => {
  const scale = config.REKEY_LIMITS_SCALE
  const quota = readQuota(config.REKEY_LIMIT_CODE_ACCOUNT, scale)
  const turns = createTurns({ ...infra, lengthMs: config.REKEY_CODE_PACE_MS / scale })
  const suppressions = createSuppressions(infra)
  const store = createCustomerStore(infra.database)
  const codes = createCodeService({
    ...infra,
    store,
    lockout,
    quota,
    turns,
    suppressions,
    notifyBlocked: (addresses) => notifyBlocked(infra, addresses),
  })
  return {
    consumers: (deps) => [
      consume(deps, {
        event: RestoreRequested,
        concurrency: 32,
        pause: afterAnswer,
        handle: (request, { time }) => codes.sendForRestore(request, time),
      }),
      consume(deps, {
        event: ChallengeIssued,
        concurrency: 32,
        handle: (issued, { time }) => codes.sendForChallenge(issued, time),
      }),
    ],
    deletions: { 'old sends': deleteOldSends(infra.loops, quota) },
  }
}
