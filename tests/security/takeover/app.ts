import { eventually } from '@rekey/test-support/eventually'
import { stepAt } from '../../../services/password-service/src/factor-secrets/totp.ts'
import { codeOf } from '../../../services/password-service/src/factors/factors.fixture.ts'

const stepSeconds = 30

/** An authenticator app. Each of its codes is of a later time step than the one before: a step is right once. */
export const createApp = (secret: string, now: () => Date) => {
  let last = 0
  return {
    /** A code of the current time step or the one after it. Waits for the next step once both have been used. */
    next(): Promise<string> {
      const code = () => {
        const current = stepAt(now(), stepSeconds)
        const step = Math.max(last + 1, current)
        if (step > current + 1) return undefined
        last = step
        return codeOf({ secret }, step)
      }
      return eventually(code, { what: 'the next time step' })
    },
  }
}

export type App = ReturnType<typeof createApp>
