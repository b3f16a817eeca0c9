import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Linux counts a process's time in ticks of 10 ms (USER_HZ). */
const tickMicroseconds = 10_000

interface Process {
  name: string
  parent: number
  ticks: number
  residentMiB: number
}

const pageBytes = 4_096

/** A service by its folder, another program of Node by its file, any other process by its command. */
const nameOf = (args: string[], command: string) => {
  const script = args.find((arg) => /[.](ts|mjs|js)$/.test(arg)) ?? ''
  const service = /services\/([\w-]+)\/src\/main\.ts$/.exec(script)?.[1]
  return service ?? (basename(script).replace(/[.]\w+$/, '') || command)
}

/** The process's own time and that of its children that have ended; undefined if it has ended. */
const readProcess = (pid: string): Process | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return {
      name: nameOf(args, command),
      parent: Number(fields[1]),
      ticks,
      residentMiB: (Number(fields[21]) * pageBytes) / 1_048_576,
    }
  } catch {
    return undefined
  }
}

/** A value of each descendant of a process, summed by name. Linux only. */
export const readProcesses = (ancestor: number, value: (one: Process) => number): Map<string, number> => {
  const processes = new Map<number, Process>()
  for (const pid of readdirSync('/proc')) {
    const one = /^\d+$/.test(pid) ? readProcess(pid) : undefined
    if (one) processes.set(Number(pid), one)
  }
  const isDescendant = (pid: number): boolean => {
    const parent = processes.get(pid)?.parent
    return parent === ancestor || (parent !== undefined && parent > 1 && isDescendant(parent))
  }
  const values = new Map<string, number>()
  for (const [pid, one] of processes) {
    if (isDescendant(pid)) values.set(one.name, (values.get(one.name) ?? 0) + value(one))
  }
  return values
}

/** The processor time in microseconds of each descendant of a process until now, by name. Linux only. */
export const readProcessorTime = (ancestor = process.pid): Map<string, number> =>
  readProcesses(ancestor, ({ ticks }) => ticks * tickMicroseconds)

const total = (times: Map<string, number>) => [...times.values()].reduce((sum, one) => sum + one, 0)

/** A process at rest may use this share of one core: timers, pings, empty polls. */
const shareAtRest = 0.05
const intervalMs = 500

/** Waits until the descendants of a process are at rest: what a load began is done. */
export const untilIdle = async (limitMs = 120_000, ancestor = process.pid): Promise<void> => {
  const end = Date.now() + limitMs
  let at = performance.now()
  for (let before = total(readProcessorTime(ancestor)); Date.now() < end; ) {
    await delay(intervalMs)
    const now = total(readProcessorTime(ancestor))
    const elapsedMs = performance.now() - at
    if (now - before <= elapsedMs * 1_000 * shareAtRest) return
    before = now
    at = performance.now()
  }
  throw new Error('the services do not come to rest')
}
