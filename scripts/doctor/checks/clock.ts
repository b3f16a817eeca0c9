import { type Finding, fail, ok, warn } from '../finding.ts'

/** Codes and tokens live for minutes: a second changes nothing, a minute ends some of them early. */
const warnMs = 2_000
const failMs = 30_000

/** Compares a server's time with this machine's. `asked`: this machine's time before and after the answer. */
export const clockFinding = (serverMs: number, [before, after]: readonly [number, number]): Finding => {
  const offMs = serverMs < before ? serverMs - before : serverMs > after ? serverMs - after : 0
  const seconds = `${(Math.abs(offMs) / 1_000).toFixed(1)} s`
  const text = `${seconds} ${offMs < 0 ? 'behind' : 'ahead of'} this machine`
  const todo = 'synchronise both clocks (NTP)'
  if (Math.abs(offMs) > failMs) return fail(text, todo)
  return Math.abs(offMs) > warnMs ? warn(text, todo) : ok(offMs === 0 ? 'equal to that of this machine' : text)
}
