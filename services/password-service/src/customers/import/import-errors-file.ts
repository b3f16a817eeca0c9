import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { FieldError } from '@rekey/contracts'
import { UnusableFile } from './format.ts'

/** A refused line of an import. Contains no secret; addresses are masked. */
export interface ImportError {
  line: number
  customer?: string
  reasons: (FieldError & { address?: string })[]
}

/** Number of reasons of each kind: `email malformed` → 3. */
export type ReasonCounts = Map<string, number>

const ownerOnly = 0o600

const count = (counts: ReasonCounts, { reasons }: ImportError) => {
  for (const { field, code } of reasons) {
    const kind = [field.replaceAll(/\/\d+/g, ''), code].filter(Boolean).join(' ')
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
}

/** Counts the errors of an earlier import before this line. @returns the length of the file up to them, in bytes */
const readBefore = async (path: string, beforeLine: number, counts: ReasonCounts): Promise<number> => {
  let bytes = 0
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) {
    try {
      const error = JSON.parse(line) as ImportError
      if (error.line >= beforeLine) break
      count(counts, error)
    } catch {
      // An incomplete line: the earlier import was killed while it wrote.
      break
    }
    bytes += Buffer.byteLength(line) + 1
  }
  return bytes
}

const unwritable = (path: string, cause: unknown) =>
  new UnusableFile(`${path} cannot be written: ${(cause as NodeJS.ErrnoException).code}.`, { cause })

/**
 * Opens the file of import errors. The errors of a batch are written before the batch commits, and truncated again if it
 * does not commit: after a crash no error is missing, and none is in the file twice.
 *
 * @param beforeLine number of the line at which the import resumes; undefined for a new import
 * @throws UnusableFile if it cannot be written
 */
export const openImportErrorsFile = async (path: string, beforeLine: number | undefined) => {
  let file: FileHandle | undefined
  const counts: ReasonCounts = new Map()
  let pending: ImportError[] = []
  let committedBytes = 0
  let writtenBytes = 0

  // Readable by the owner only, also if the file existed. A symbolic link is not followed: another user may have made it.
  const openFile = async () => {
    const opened = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), ownerOnly)
    await opened.chmod(ownerOnly)
    return opened
  }
  try {
    if (beforeLine === undefined) await rm(path, { force: true })
    else {
      committedBytes = await readBefore(path, beforeLine, counts).catch((error) => {
        if (error.code === 'ENOENT') return 0
        throw error
      })
      file = await openFile()
      await file.truncate(committedBytes)
    }
  } catch (cause) {
    throw unwritable(path, cause)
  }

  return {
    /** Writes the errors of a batch, in place of those written since the last `commit`, and flushes them to the disk. */
    async write(errors: ImportError[]): Promise<void> {
      pending = errors
      writtenBytes = committedBytes
      if (errors.length === 0 && !file) return
      try {
        file ??= await openFile()
        const text = errors.map((error) => `${JSON.stringify(error)}\n`).join('')
        await file.truncate(committedBytes)
        await file.write(text, committedBytes)
        if (text) await file.datasync()
        writtenBytes = committedBytes + Buffer.byteLength(text)
      } catch (cause) {
        throw unwritable(path, cause)
      }
    },
    /** Call it after the batch has committed: keeps what was written last. */
    commit(): void {
      for (const error of pending) count(counts, error)
      pending = []
      committedBytes = writtenBytes
    },
    /** Reasons of all committed errors, those of the earlier import included. */
    reasons: (): ReasonCounts => counts,
    /** Closes the file, and deletes it if there are no errors. */
    async close(): Promise<void> {
      await file?.truncate(committedBytes)
      await file?.close()
      if (committedBytes === 0) await rm(path, { force: true })
    },
  }
}
