import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Launch } from './launch.ts'
import { freePort, isPortFree } from './ports.ts'
import { endProcess, isAlive, type ProcessIdentity, startTimeOf } from './process-identity.ts'
import { waitUntil } from './wait-until.ts'

/** A server that this process started. */
export interface RunningServer {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Resolves when the process has ended: with its exit code, or null if a signal ended it. */
  readonly exited: Promise<number | null>
  /** The last lines of its output. */
  logTail(lines: number): string
  /** Ends the process and waits for its end. Idempotent. */
  stop(): Promise<void>
}

export interface ServerPlan {
  name: string
  /** Folder of `process.json` while the server runs, and of `server.log` unless `logPath` is given. */
  dataDir: string
  logPath?: string
  /** By default any free port. */
  port?: number | undefined
  url: (port: number) => string
  launch: (port: number) => Launch
  /** Resolves with true once the server works; may throw until then. */
  isReady: (port: number) => Promise<boolean>
  stopSignal: NodeJS.Signals
  /** True if the log shows that a server which just died still holds a resource: the start is repeated. */
  isTransient?: (log: string) => boolean
  timeoutMs?: number
  signal?: AbortSignal | undefined
}

const recordPath = (dataDir: string) => join(dataDir, 'process.json')

/** Ends the server that an earlier run recorded in this folder, if it is still alive. */
export const endOrphan = async (dataDir: string, stopSignal: NodeJS.Signals = 'SIGTERM') => {
  if (!existsSync(recordPath(dataDir))) return
  let recorded: ProcessIdentity | undefined
  try {
    recorded = JSON.parse(readFileSync(recordPath(dataDir), 'utf8'))
  } catch {
    // The crash interrupted its writing.
  }
  if (recorded) await endProcess(recorded, { signal: stopSignal })
  rmSync(recordPath(dataDir), { force: true })
}

const spawnServer = ({ dataDir, logPath = join(dataDir, 'server.log'), launch }: ServerPlan, port: number) => {
  const log = openSync(logPath, 'a', 0o600)
  const logStart = statSync(logPath).size
  const { command, args, env, channel, ...account } = launch(port)
  // A process group of its own: Ctrl-C in the terminal reaches only this process, which stops the parts in order.
  const child = spawn(command, args, {
    stdio: channel ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
    detached: true,
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', ...env },
    ...account,
  })
  closeSync(log)
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', resolve)
    child.once('error', () => resolve(null))
  })
  const pid = child.pid
  const identity = pid === undefined ? undefined : { pid, startedAt: startTimeOf(pid) ?? 'ended' }
  return { identity, exited, printed: () => readFileSync(logPath).subarray(logStart).toString('utf8') }
}

// Otherwise another server on the port would answer the readiness check. A killed server may hold its port for a moment.
const waitForPort = (name: string, port: number, signal: AbortSignal | undefined) =>
  waitUntil(() => isPortFree(port), { what: `port ${port} to be free for ${name}`, timeoutMs: 2_000, signal })

const tail = (text: string, lines: number) => text.trimEnd().split('\n').slice(-lines).join('\n')

/**
 * Starts a server and waits until it is ready. Ends an orphan of the same folder first. If this rejects, no process is
 * left.
 * @throws Error with the tail of the server's log if it ends early or is not ready in time; the signal's reason
 */
export const startServer = async (plan: ServerPlan): Promise<RunningServer> => {
  const { name, dataDir, stopSignal, isTransient, timeoutMs = 30_000, signal } = plan
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  await endOrphan(dataDir, stopSignal)
  const deadline = performance.now() + timeoutMs
  if (plan.port !== undefined) await waitForPort(name, plan.port, signal)
  for (;;) {
    signal?.throwIfAborted()
    const port = plan.port ?? (await freePort())
    const { identity, exited, printed } = spawnServer(plan, port)
    if (!identity) throw new Error(`${name} could not be started`)
    writeFileSync(recordPath(dataDir), JSON.stringify(identity), { mode: 0o600 })

    const stop = async () => {
      await endProcess(identity, { signal: stopSignal })
      await exited
      rmSync(recordPath(dataDir), { force: true })
    }
    try {
      let ended = false
      void exited.then(() => {
        ended = true
      })
      await waitUntil(async () => ended || (await plan.isReady(port)), {
        what: `${name} to be ready`,
        timeoutMs: Math.max(1_000, deadline - performance.now()),
        intervalMs: 10,
        signal,
      })
      if (!ended && isAlive(identity)) {
        return {
          name,
          url: plan.url(port),
          port,
          pid: identity.pid,
          exited,
          logTail: (lines) => tail(printed(), lines),
          stop,
        }
      }
    } catch (error) {
      await stop()
      throw error
    }
    await stop()
    const log = printed()
    const lostRace = plan.port === undefined && /address already in use|is busy/i.test(log)
    const again = (lostRace || isTransient?.(log)) && performance.now() < deadline
    if (!again) throw new Error(`${name} ended while starting:\n${tail(log, 15)}`)
    await delay(100, undefined, signal ? { signal } : {})
  }
}
