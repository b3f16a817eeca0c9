import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { RunningServer } from '@rekey/local-servers/server'

/** A server that a test may take away and give back. Its URL stays the same. */
export interface TestServer {
  readonly url: string
  readonly pid: number
  /** Of the process that runs now: its exit code, or null where a signal ended it. */
  readonly exited: Promise<number | null>
  stop(): Promise<void>
  /** Ends it as a crash would, with SIGKILL. */
  kill(): Promise<void>
  /** Holds it still, connections open, as a stalled machine would. */
  pause(): void
  resume(): void
  /** Starts it again on the same port and data, after ending it if it still runs. */
  restart(): Promise<void>
}

/** Of each thread, where the system tells: T is stopped. */
const statesOf = (pid: number): string[] => {
  const tasks = `/proc/${pid}/task`
  if (!existsSync(tasks)) return [execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })]
  return readdirSync(tasks).flatMap((task) => {
    try {
      return readFileSync(`${tasks}/${task}/stat`, 'utf8').replace(/^.*\) /s, '')
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}

/** The signal comes a moment after it was sent: until then the threads of a busy machine go on. */
const holdStill = (pid: number) => {
  process.kill(pid, 'SIGSTOP')
  const deadline = performance.now() + 5_000
  while (!statesOf(pid).every((state) => state.startsWith('T'))) {
    if (performance.now() > deadline) throw new Error(`process ${pid} goes on though it was told to hold still`)
  }
}

/** Wraps a server together with the way to start it again on a port. */
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
    pause: () => holdStill(current.pid),
    resume: () => void process.kill(current.pid, 'SIGCONT'),
    async restart() {
      await current.stop()
      current = await start(current.port)
    },
  }
}
