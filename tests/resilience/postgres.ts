import { readdirSync } from 'node:fs'
import { parentOf } from '@rekey/local-servers/process-identity'
import type { TestServer } from '@rekey/test-support/restartable'

const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((other) => other > 0 && parentOf(other) === pid)

const signalAll = (pids: number[], signal: NodeJS.Signals) => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // The process has ended already.
    }
  }
}

/** Signals all processes of Postgres: a signal to the first leaves the others running. Linux only. */
export const wholePostgres = (server: TestServer): TestServer => ({
  url: server.url,
  get pid() {
    return server.pid
  },
  get exited() {
    return server.exited
  },
  stop: () => server.stop(),
  restart: () => server.restart(),
  async kill() {
    // Paused first, so that it starts no more processes.
    server.pause()
    signalAll(childrenOf(server.pid), 'SIGKILL')
    await server.kill()
  },
  pause() {
    server.pause()
    signalAll(childrenOf(server.pid), 'SIGSTOP')
  },
  resume() {
    signalAll(childrenOf(server.pid), 'SIGCONT')
    server.resume()
  },
})
