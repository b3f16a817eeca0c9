const parentCheckMs = 500

/**
 * Becomes aborted when this process is asked to end: by Ctrl-C, a signal, or the death of npm, which passes a signal on
 * to the shell between us rather than to us.
 */
export const createStopRequest = () => {
  const controller = new AbortController()
  const stop = () => controller.abort(new Error('asked to stop'))
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, stop)

  const parent = process.ppid
  const watch = process.env.npm_lifecycle_event
    ? setInterval(() => process.ppid !== parent && stop(), parentCheckMs)
    : undefined
  return {
    signal: controller.signal,
    /** Lets the process end by itself. */
    release() {
      clearInterval(watch)
      for (const name of signals) process.off(name, stop)
    },
  }
}
