/** `skip`: not checked, because a check that it needs failed. */
export type Level = 'ok' | 'warn' | 'FAIL' | 'skip'

/** One thing that a check found. */
export interface Finding {
  level: Level
  /** What was found. */
  text: string
  /** What to do about it. */
  todo?: string
}

/** A finding with the check that made it: one line of the output. */
export interface Line extends Finding {
  /** The service whose configuration was checked; `all` for what several of them must agree on. */
  service: string
  check: string
}

/** One check of one service. */
export interface Check {
  name: string
  service: string
  /** Name of a check of the same service: without its success this one would only repeat its failure. */
  needs?: string
  /** Throws an Error if what it checks does not answer; its message is shown. */
  run(): Promise<Finding[]> | Finding[]
}

export const ok = (text: string): Finding => ({ level: 'ok', text })
export const warn = (text: string, todo?: string): Finding => ({ level: 'warn', text, ...(todo && { todo }) })
export const fail = (text: string, todo?: string): Finding => ({ level: 'FAIL', text, ...(todo && { todo }) })

/** A finding for each error of a rule, which is a line that says what to do; `good` if there is none. */
export const fromErrors = (errors: readonly string[], good: string, level: 'warn' | 'FAIL' = 'FAIL'): Finding[] =>
  errors.length === 0 ? [ok(good)] : errors.map((text) => ({ level, text }))

const padded = (lines: readonly Line[], field: 'service' | 'check') =>
  Math.max(0, ...lines.map((line) => line[field].length))

/** The lines as a table for a terminal. */
export const render = (lines: readonly Line[]): string => {
  const [service, check] = [padded(lines, 'service'), padded(lines, 'check')]
  return lines
    .map((line) => {
      const head = `${line.level.padEnd(4)}  ${line.service.padEnd(service)}  ${line.check.padEnd(check)}`
      return `${head}  ${line.text}${line.todo ? `: ${line.todo}` : ''}`
    })
    .join('\n')
}
