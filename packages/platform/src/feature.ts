import type { Consumer, ConsumerDeps } from './consumer.ts'
import type { Rpc } from './rpc.ts'
import type { Server } from './server.ts'

/**
 * The parts that a feature adds to its service. Each feature folder exports one `createX(infra, config, …)` that returns
 * them, together with the functions that other features call. `app.ts` only lists the features.
 */
export interface Feature {
  /** Registers the feature's HTTP endpoints. */
  routes?(app: Server): void | Promise<void>
  /** RPCs that the feature serves. */
  rpcs?: Rpc[]
  /** Starts the feature's event consumers. */
  consumers?(deps: ConsumerDeps): Consumer[]
  /** Stops the feature's background work. Called after requests, RPCs and consumers have ended. */
  close?(): Promise<unknown>
}
