import { type DestinationStream, pino } from 'pino'

/** Longer texts are written at once. */
const mostCharacters = 8 * 1_024

const createStandardOutput = (): DestinationStream => {
  const output = pino.destination({ dest: 1, sync: true })
  let lines = ''
  const flush = () => {
    if (lines !== '') output.write(lines)
    lines = ''
  }
  process.on('exit', flush)
  return {
    write(line) {
      if (lines === '') setImmediate(flush)
      lines += line
      if (lines.length > mostCharacters) flush()
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
