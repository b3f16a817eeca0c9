import type { Test } from 'tap'

// Test files of a group import this module as `tap`: it forwards to the subtest of the file that runs.

let current: Test | undefined

export const setCurrentTest = (test: Test): void => {
  current = test
}

/** Fails the test of the file that runs, and ends it. */
export const failCurrentTest = (error: unknown): void => {
  if (!current) throw error
  current.threw(error)
}

const t = new Proxy({} as Test, {
  get(_target, name) {
    if (!current) throw new Error('no test file runs')
    const value = Reflect.get(current, name)
    return typeof value === 'function' ? value.bind(current) : value
  },
})
export default t

export const test: Test['test'] = ((...args: Parameters<Test['test']>) => t.test(...args)) as Test['test']
