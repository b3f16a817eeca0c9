import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'

interface Source<T> {
  /** Name of the variable that names the file, for faults. */
  variable: string
  path: string
  /** Reads the whole text. @throws ConfigError naming every fault: the file is refused */
  parse(text: string): T
}

interface Options<T> extends Source<T> {
  log: Logger
}

/** What a file says, as of its last version that was good. */
export interface WatchedFile<T> {
  current(): T
  close(): Promise<void>
}

/** A file system's own notices miss renames over the file and the symbolic links that Kubernetes swaps; asking does not. */
const intervalMs = 1_000

const versionOf = ({
  dev,
  ino,
  size,
  mtimeNs,
  ctimeNs,
}: Record<'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs', bigint>) => [dev, ino, size, mtimeNs, ctimeNs].join()

const cannotRead = (variable: string, error: unknown) =>
  new ConfigError([`${variable} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown fault'}`])

/**
 * Reads a file as it is now.
 *
 * @throws ConfigError naming every fault
 */
export const readOnce = <T>({ variable, path, parse }: Source<T>): { version: string; value: T } => {
  try {
    // The version before the text: what is written between the two is read again.
    return { version: versionOf(statSync(path, { bigint: true })), value: parse(readFileSync(path, 'utf8')) }
  } catch (error) {
    throw error instanceof ConfigError ? error : cannotRead(variable, error)
  }
}

/**
 * Reads a file now, and again within about a second whenever it changes. What a new version says replaces the old in
 * one step. A version with faults, or none at all, is told in the log and the one before stays.
 *
 * @throws ConfigError naming every fault of the first version
 */
export const watchFile = <T>({ variable, path, parse, log }: Options<T>): WatchedFile<T> => {
  const first = readOnce({ variable, path, parse })
  let value = first.value
  /** Of the text that was read last, good or not; undefined while there is none to be read. */
  let version: string | undefined = first.version
  let unreadable = ''

  const refuse = ({ faults }: ConfigError) =>
    log.error({ event: 'file_refused', variable, faults }, 'the version before stays')

  /** Asked for again each second, and told once. */
  const miss = (error: ConfigError) => {
    version = undefined
    if (unreadable !== error.message) refuse(error)
    unreadable = error.message
  }

  const readAgain = async () => {
    const found = versionOf(await stat(path, { bigint: true }))
    if (found === version) return
    const text = await readFile(path, 'utf8')
    version = found
    unreadable = ''
    value = parse(text)
    log.info({ event: 'file_reloaded', variable })
  }

  const stopped = new AbortController()
  const watch = async () => {
    while (!stopped.signal.aborted) {
      await delay(intervalMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {})
      if (stopped.signal.aborted) return
      await readAgain().catch((error) =>
        error instanceof ConfigError ? refuse(error) : miss(cannotRead(variable, error)),
      )
    }
  }
  const watching = watch()

  return {
    current: () => value,
    async close() {
      stopped.abort()
      await watching
    },
  }
}
