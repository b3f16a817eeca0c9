import type { Consumer, ConsumerDeps } from './consumer.ts'
import type { Rpc } from './rpc.ts'
import type { Server } from './server.ts'

/**
 * What a feature adds to its service: each feature folder exports one `createX(infra, config, …)` that returns this,
 * with whatever other features call beside it. `app.ts` lists the features and does nothing else with them.
 */
export interface Feature {
  /** Registers the feature's HTTP endpoints. */
  routes?(app: Server): void | Promise<void>
  /** RPCs that the feature serves. */
  rpcs?: Rpc[]
  /** Starts the feature's event consumers. */
  consumers?(deps: ConsumerDeps): Consumer[]
  /** Stops the feature's background work; called after requests, RPCs and consumers have ended. */
  close?(): Promise<unknown>
}
