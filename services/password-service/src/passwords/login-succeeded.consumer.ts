import { type EventData, LoginSucceeded } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'

/** Somebody signed in: where the password was a temporary one, that was its one sign-in. */
export const consumeLoginSucceeded = (
  deps: ConsumerDeps,
  spendTemporary: (login: EventData<typeof LoginSucceeded>) => Promise<void>,
): Consumer => consume(deps, { event: LoginSucceeded, concurrency: 32, handle: spendTemporary })
