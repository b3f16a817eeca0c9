import { readFileSync } from 'node:fs'

/** Unit of the times in /proc; 100 a second on every platform that Node supports. */
const ticksPerSecond = 100

/** Seconds of the children that have ended, with their own; 0 where the system does not tell. */
const secondsOfEndedChildren = () => {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // The name of the program is in parentheses and may contain spaces. proc(5): cutime and cstime are fields 16 and 17.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond
  } catch {
    return 0
  }
}

/**
 * Processor time until now.
 *
 * @param of `children` without this process
 * @returns seconds, user and system, with those of all children that have ended
 */
export const processorSeconds = (of: 'all' | 'children' = 'all'): number => {
  const { user, system } = process.cpuUsage()
  return (of === 'all' ? (user + system) / 1_000_000 : 0) + secondsOfEndedChildren()
}
