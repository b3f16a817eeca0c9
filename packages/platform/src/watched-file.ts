import { readFileSync, unwatchFile, watchFile as watchStat } from 'node:fs'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'

interface File {
  /** The variable that names the file, for errors. */
  variable: string
  path: string
}

interface Source<T> extends File {
  /** @throws ConfigError with every error of the text */
  parse(text: string): T
}

interface Options<T> extends Source<T> {
  log: Logger
}

interface GroupOptions<T> {
  /** The variable that stands for the group in the log. */
  variable: string
  files: readonly File[]
  /** @throws ConfigError with every error of the texts, which are in the order of `files` */
  parse(texts: readonly string[]): T
  log: Logger
  /** Called with each new version. */
  onReload?(value: T): void
  /** True if a version that is refused now may be accepted later: it is tried again each second. */
  isTimed?: boolean
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

/** Reads files once. @throws ConfigError with an error for each that cannot be read */
export const readTexts = (files: readonly File[]): string[] => {
  const errors: string[] = []
  const texts = files.map((file) => {
    try {
      return readOnce({ ...file, parse: (text) => text })
    } catch (error) {
      errors.push(...toConfigError(file.variable, error).errors)
      return ''
    }
  })
  if (errors.length > 0) throw new ConfigError(errors)
  return texts
}

/**
 * Reads files that belong together now, and again within about three seconds after a change of one. A new valid version of
 * all of them replaces the old one as a whole. A version with errors, or a file that cannot be read, is logged once, and
 * the old version stays.
 *
 * @throws ConfigError with every error of the first version
 */
export const watchFiles = <T>(options: GroupOptions<T>): WatchedFile<T> => {
  const { variable, files, parse, log, onReload, isTimed = false } = options
  let tried = readTexts(files)
  let value = parse(tried)
  let isRefused = false
  let lastRefusal = ''
  let again: NodeJS.Timeout

  /** Logs the same reason once, unless another version has it. */
  const refuse = (cause: unknown, isRepeated: boolean) => {
    const { message, errors } = toConfigError(variable, cause)
    if (!isRepeated || message !== lastRefusal) log.event('file_refused', { variable, errors: [...errors] })
    lastRefusal = message
  }
  const readLater = () => {
    clearTimeout(again)
    again = setTimeout(read, intervalMs).unref()
  }
  const readAll = () => {
    try {
      return readTexts(files)
    } catch (cause) {
      refuse(cause, true)
      // A file may become readable without another change of its status.
      readLater()
      return undefined
    }
  }
  const read = () => {
    const found = readAll()
    if (found === undefined) return
    const isSame = found.every((text, index) => text === tried[index])
    if (isSame && !(isRefused && isTimed)) {
      if (!isRefused) lastRefusal = ''
      return
    }
    tried = found
    try {
      value = parse(found)
    } catch (cause) {
      isRefused = true
      refuse(cause, isSame)
      if (isTimed) readLater()
      return
    }
    isRefused = false
    lastRefusal = ''
    onReload?.(value)
    log.event('file_reloaded', { variable })
  }

  // Files of one version are written one after another: the first change is not read before the second had its time.
  const changed = files.length > 1 ? readLater : read
  // Polls the file's status: notifications of the file system miss renames over the file and the symbolic links that
  // Kubernetes swaps.
  for (const { path } of files) watchStat(path, { interval: intervalMs, persistent: false }, changed)
  // A change between the first read and the first look at the status is not reported.
  readLater()

  return {
    current: () => value,
    async close() {
      clearTimeout(again)
      for (const { path } of files) unwatchFile(path, changed)
    },
  }
}

/** Reads and watches one file as {@link watchFiles} does. @throws ConfigError with every error of the first version */
export const watchFile = <T>({ variable, path, parse, log }: Options<T>): WatchedFile<T> =>
  watchFiles({ variable, files: [{ variable, path }], parse: ([text = '']) => parse(text), log })
