import type { Feature as PlatformFeature } from '@rekey/platform/feature'
import type { Deletion } from './deletion.ts'

/** A feature of this service. Its folder exports one `createX(infra, config, …)` that returns it. */
export interface Feature extends PlatformFeature {
  /** Rows that the sweeper deletes, by the names in its log and metric. */
  deletions?: Record<string, Deletion>
}
