import type { Teardown } from './infrastructure.ts'

/**
 * Runs a check when the test ends, and fails the test if the check throws. tap drops the remaining teardowns once one
 * throws: the servers would go on, and the process would never end.
 */
export const checkAtEnd = (t: Teardown, check: () => void): void =>
  t.teardown(() => {
    try {
      check()
    } catch (error) {
      if (!t.threw) throw error
      t.threw(error)
    }
  })
