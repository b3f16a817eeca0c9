import type { Test } from 'tap'

// What a test file of a group imports as `tap`: the subtest of the file that runs.

let current: Test | undefined

export const setCurrentTest = (test: Test): void => {
  current = test
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
