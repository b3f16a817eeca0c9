import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { waitUntil } from './wait-until.ts'

/** A process as it can be found again by a later run: the number alone may have gone to another program since. */
export interface ProcessIdentity {
  pid: number
  /** When the process started, in the system's own notation. */
  startedAt: string
}

// The fields of proc(5) that follow the command name, which stands in brackets and may hold spaces itself.
const linuxStat = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [state, parent, ...others] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state, parent: Number(parent), startTime: others[17] }
}

const linuxStartTime = (pid: number) => {
  const { state, startTime } = linuxStat(pid)
  if (state === 'Z') return undefined
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${boot}/${startTime}`
}

const psStartTime = (pid: number) => {
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' }
  return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim() || undefined
}

/** Start time of a living process, or undefined when there is none with this number (a zombie counts as none). */
export const startTimeOf = (pid: number): string | undefined => {
  try {
    return process.platform === 'linux' ? linuxStartTime(pid) : psStartTime(pid)
  } catch {
    return undefined
  }
}

/** The process that started this one, or undefined where the system does not tell. */
export const parentOf = (pid: number): number | undefined => {
  try {
    return linuxStat(pid).parent
  } catch {
    return undefined
  }
}

/** Whether the very process that was recorded is still alive. */
export const isAlive = ({ pid, startedAt }: ProcessIdentity) => startTimeOf(pid) === startedAt

const send = (pid: number, signal: NodeJS.Signals) => {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself in between.
  }
}

/**
 * Ends a recorded process: `signal` first, SIGKILL when it is still there after `graceMs`.
 * Does nothing when the process is gone or its number belongs to another program by now.
 */
export const endProcess = async (
  identity: ProcessIdentity,
  { signal = 'SIGTERM', graceMs = 10_000 }: { signal?: NodeJS.Signals; graceMs?: number } = {},
) => {
  if (!isAlive(identity)) return
  send(identity.pid, 'SIGCONT') // a paused process would not hear anything but SIGKILL
  send(identity.pid, signal)
  const gone = () => !isAlive(identity)
  try {
    await waitUntil(gone, { what: `process ${identity.pid} to end`, timeoutMs: graceMs, intervalMs: 10 })
  } catch {
    send(identity.pid, 'SIGKILL')
    await waitUntil(gone, { what: `process ${identity.pid} to end after SIGKILL`, timeoutMs: 5_000, intervalMs: 10 })
  }
}
