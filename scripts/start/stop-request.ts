import { parentOf, startTimeOf } from '@rekey/local-servers/process-identity'

const ancestorCheckMs = 500

// npm runs a script through a shell, and passes a signal on to that shell, not to us. When either of the two is gone
// nobody waits for us any more.
const npmAndItsShell = () => {
  const shell = process.ppid
  const npm = parentOf(shell)
  return [shell, npm].flatMap((pid) => (pid !== undefined && pid > 1 ? [{ pid, startedAt: startTimeOf(pid) }] : []))
}

/** Becomes aborted when this process is asked to end: by Ctrl-C, by a signal, or by the end of the npm that started it. */
export const createStopRequest = () => {
  const controller = new AbortController()
  const stop = () => controller.abort(new Error('asked to stop'))
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, stop)

  const ancestors = process.env.npm_lifecycle_event ? npmAndItsShell() : []
  const areAlive = () => ancestors.every(({ pid, startedAt }) => startTimeOf(pid) === startedAt)
  const watch = ancestors.length ? setInterval(() => areAlive() || stop(), ancestorCheckMs) : undefined
  return {
    signal: controller.signal,
    /** Lets the process end by itself. */
    release() {
      clearInterval(watch)
      for (const name of signals) process.off(name, stop)
    },
  }
}
