import { stepAt } from '../../../services/password-service/src/factors/totp.ts'
import { codeOf } from '../../../services/password-service/src/factors/factors.fixture.ts'

const stepSeconds = 30

/** An authenticator app. Its codes are of ever later time steps, one before and one after the current one included. */
export const createApp = (secret: string, now: () => Date) => {
  let last = 0
  return {
    /** The next code; undefined if every step that counts now has been used. */
    next(): string | undefined {
      const current = stepAt(now(), stepSeconds)
      const step = Math.max(last + 1, current - 1)
      if (step > current + 1) return undefined
      last = step
      return codeOf({ secret }, step)
    },
  }
}

export type App = ReturnType<typeof createApp>
