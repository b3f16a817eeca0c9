import { parentOf, startTimeOf } from '@rekey/local-servers/process-identity'

const ancestorCheckMs = 500

// npm runs a script through a shell and sends a signal to that shell, not to this process. If either of them has ended,
// this process must end too.
const npmAndItsShell = () => {
  const shell = process.ppid
  const npm = parentOf(shell)
  return [shell, npm].flatMap((pid) => (pid !== undefined && pid > 1 ? [{ pid, startedAt: startTimeOf(pid) }] : []))
}

/** A signal that is aborted by Ctrl-C, by SIGTERM, or when the npm that started this process ends. */
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
    /** Removes the handlers and timers, so that the process can end. */
    release() {
      clearInterval(watch)
      for (const name of signals) process.off(name, stop)
    },
  }
}
