import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import type { Database } from '../database.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import type { WaitingMetrics } from './waiting-restore-metrics.ts'

/** What each step of a waiting restore needs. */
export interface WaitingDeps extends NotificationDeps {
  database: Database
  keys: NotificationDeps['keys'] & { report: Keys }
  /** How long a restore waits; 0: there are none. */
  waitMs: number
  /** How long a removed address is notified. */
  newAddressMs: number
  /** Divides the duration of lockouts. */
  lockoutScale: number
  /** Waits until all wrong codes that were answered by now are counted. @throws RekeyError unavailable */
  failuresSeen(): Promise<void>
  waitingMetrics: WaitingMetrics
  log: Logger
}
