import { readFileSync, unwatchFile, watchFile as watchStat } from 'node:fs'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'

interface Source<T> {
  /** The variable that names the file, for errors. */
  variable: string
  path: string
  /** @throws ConfigError with every error of the text */
  parse(text: string): T
}

interface Options<T> extends Source<T> {
  log: Logger
}

export interface WatchedFile<T> {
  /** Content of the last valid version. */
  current(): T
  close(): Promise<void>
}

const intervalMs = 1_000

const toConfigError = (variable: string, error: unknown): ConfigError =>
  error instanceof ConfigError
    ? error
    : new ConfigError([`${variable} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`])

/** Reads a file once. @throws ConfigError with every error */
export const readOnce = <T>({ variable, path, parse }: Source<T>): T => {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw toConfigError(variable, error)
  }
}

/**
 * Reads a file now, and again within about two seconds after a change. A new valid version replaces the old one as a
 * whole. A version with errors, or a file that cannot be read, is logged, and the old version stays.
 *
 * @throws ConfigError with every error of the first version
 */
export const watchFile = <T>(source: Options<T>): WatchedFile<T> => {
  const { variable, path, log } = source
  let text = ''
  const parse = (found: string) => {
    text = found
    return source.parse(found)
  }
  let value = readOnce({ variable, path, parse })
  /** Why the file could not be read the last time: the same reason is logged once. */
  let unreadable = ''
  let again: NodeJS.Timeout

  const refuse = ({ errors }: ConfigError) => log.event('file_refused', { variable, errors: [...errors] })

  const readLater = () => {
    clearTimeout(again)
    again = setTimeout(read, intervalMs).unref()
  }
  const readText = () => {
    try {
      const found = readFileSync(path, 'utf8')
      unreadable = ''
      return found
    } catch (cause) {
      const error = toConfigError(variable, cause)
      if (error.message !== unreadable) refuse(error)
      unreadable = error.message
      // The file may become readable without another change of its status.
      readLater()
      return undefined
    }
  }
  const read = () => {
    const found = readText()
    if (found === undefined || found === text) return
    try {
      value = parse(found)
      log.event('file_reloaded', { variable })
    } catch (error) {
      refuse(toConfigError(variable, error))
    }
  }

  // Polls the file's status: notifications of the file system miss renames over the file and the symbolic links that
  // Kubernetes swaps.
  watchStat(path, { interval: intervalMs, persistent: false }, read)
  // A change between the first read and the first look at the status is not reported.
  readLater()

  return {
    current: () => value,
    async close() {
      clearTimeout(again)
      unwatchFile(path, read)
    },
  }
}
