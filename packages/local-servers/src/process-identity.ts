import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { waitUntil } from './wait-until.ts'

/** Identifies a process for a later run. The id alone may belong to another program by then. */
export interface ProcessIdentity {
  pid: number
  /** Start time in the notation of the system. */
  startedAt: string
}

// The fields of proc(5) after the command name, which is in parentheses and may contain spaces.
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

/** Start time of a live process; undefined if no process has this id or it is a zombie. */
export const startTimeOf = (pid: number): string | undefined => {
  try {
    return process.platform === 'linux' ? linuxStartTime(pid) : psStartTime(pid)
  } catch {
    return undefined
  }
}

/** Id of the parent process; undefined if the system does not provide it. */
export const parentOf = (pid: number): number | undefined => {
  try {
    return linuxStat(pid).parent
  } catch {
    return undefined
  }
}

/** True if the recorded process itself is still alive. */
export const isAlive = ({ pid, startedAt }: ProcessIdentity) => startTimeOf(pid) === startedAt

const send = (pid: number, signal: NodeJS.Signals) => {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

/**
 * Ends a recorded process: `signal` first, SIGKILL if it is still alive after `graceMs`. Does nothing if the process has
 * ended or its id belongs to another program.
 */
export const endProcess = async (
  identity: ProcessIdentity,
  { signal = 'SIGTERM', graceMs = 10_000 }: { signal?: NodeJS.Signals; graceMs?: number } = {},
) => {
  if (!isAlive(identity)) return
  send(identity.pid, 'SIGCONT') // a stopped process reacts only to SIGKILL
  send(identity.pid, signal)
  const gone = () => !isAlive(identity)
  try {
    await waitUntil(gone, { what: `process ${identity.pid} to end`, timeoutMs: graceMs, intervalMs: 10 })
  } catch {
    send(identity.pid, 'SIGKILL')
    await waitUntil(gone, { what: `process ${identity.pid} to end after SIGKILL`, timeoutMs: 5_000, intervalMs: 10 })
  }
}
