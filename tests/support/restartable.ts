import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { RunningServer } from '@rekey/local-servers/server'

/** A server that a test may stop and restart. Its URL stays the same. */
export interface TestServer {
  readonly url: string
  readonly pid: number
  /** Exit code of the current process, or null if a signal ended it. */
  readonly exited: Promise<number | null>
  stop(): Promise<void>
  /** Ends it with SIGKILL, as a crash does. */
  kill(): Promise<void>
  /** Stops its threads and leaves its connections open, as on a stalled machine. */
  pause(): void
  resume(): void
  /** Starts it again on the same port and data, after ending it if it still runs. */
  restart(): Promise<void>
}

/** The state of each thread, if the system has /proc: T is stopped. */
const statesOf = (pid: number): string[] => {
  const tasks = `/proc/${pid}/task`
  if (!existsSync(tasks)) return [execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })]
  return readdirSync(tasks).flatMap((task) => {
    try {
      return readFileSync(`${tasks}/${task}/stat`, 'utf8').replace(/^.*\) /s, '')
    } catch {
      // The thread ended in between.
      return []
    }
  })
}

/** Waits until the signal has arrived: the threads of a busy machine run on for a moment. */
const stopThreads = (pid: number) => {
  process.kill(pid, 'SIGSTOP')
  const deadline = performance.now() + 5_000
  while (!statesOf(pid).every((state) => state.startsWith('T'))) {
    if (performance.now() > deadline) throw new Error(`process ${pid} still runs 5 s after SIGSTOP`)
  }
}

/** Combines a server with the function that starts it again on its port. */
export const restartable = async (start: (port?: number) => Promise<RunningServer>): Promise<TestServer> => {
  let current = await start()
  return {
    url: current.url,
    get pid() {
      return current.pid
    },
    get exited() {
      return current.exited
    },
    stop: () => current.stop(),
    async kill() {
      process.kill(current.pid, 'SIGKILL')
      await current.exited
    },
    pause: () => stopThreads(current.pid),
    resume: () => void process.kill(current.pid, 'SIGCONT'),
    async restart() {
      await current.stop()
      current = await start(current.port)
    },
  }
}
