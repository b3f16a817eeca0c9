import { type DestinationStream, pino } from 'pino'

/** Longer texts are written at once. */
const mostBytes = 8 * 1_024

const createStandardOutput = (): DestinationStream => {
  const output = pino.destination({ dest: 1, sync: true, minLength: mostBytes })
  let isScheduled = false
  const flush = () => {
    isScheduled = false
    output.flushSync()
  }
  process.on('exit', flush)
  return {
    write(line) {
      output.write(line)
      if (isScheduled) return
      isScheduled = true
      setImmediate(flush)
    },
  }
}

let shared: DestinationStream | undefined

/**
 * Standard output, written once for all lines of a turn of the event loop: a line costs less than the system call that
 * writes it. A process that ends by itself, also by an error, has written every line; one that is killed may lose the
 * lines of the turn that it was in.
 */
export const standardOutput = (): DestinationStream => {
  shared ??= createStandardOutput()
  return shared
}
