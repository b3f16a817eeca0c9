import type { RunningServer } from '@rekey/stack/server'

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
    pause: () => void process.kill(current.pid, 'SIGSTOP'),
    resume: () => void process.kill(current.pid, 'SIGCONT'),
    async restart() {
      await current.stop()
      current = await start(current.port)
    },
  }
}
