import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { FieldError } from '@rekey/contracts'
import { ImportFault } from './format.ts'

/** Why a line was refused. Nothing of it is secret, and no address is told in full. */
export interface Refusal {
  line: number
  customer?: string
  reasons: (FieldError & { address?: string })[]
}

/** How many reasons of each kind: `email malformed` → 3. */
export type ReasonCounts = Map<string, number>

export interface RefusedReport {
  /** Writes what a batch refused, in the place of what was put since the last `keep`. It is on the disk when this resolves. */
  put(refusals: Refusal[]): Promise<void>
  /** What was put last has committed. */
  keep(): void
  /** Reasons of all that was kept, also by an import that went before. */
  reasons(): ReasonCounts
  close(): Promise<void>
}

const ownerOnly = 0o600

const count = (counts: ReasonCounts, { reasons }: Refusal) => {
  for (const { field, code } of reasons) {
    const kind = [field.replaceAll(/\/\d+/g, ''), code].filter(Boolean).join(' ')
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
}

/** @returns the bytes up to the first line that is not of a line of the file before `before` */
const keepBefore = async (path: string, before: number, counts: ReasonCounts): Promise<number> => {
  let bytes = 0
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) {
    try {
      const refusal = JSON.parse(line) as Refusal
      if (refusal.line >= before) break
      count(counts, refusal)
    } catch {
      // Cut off in the middle, when the import before was killed.
      break
    }
    bytes += Buffer.byteLength(line) + 1
  }
  return bytes
}

/**
 * The file of refused lines. What a batch refused is written before the batch commits, and cut off again where it did
 * not: neither is a refused line lost when the process is killed, nor does one stand there twice.
 *
 * @param before number of the line at which the import goes on; absent for one that begins anew
 * @throws ImportFault where it cannot be written
 */
export const openRefusedReport = async (path: string, before: number | undefined): Promise<RefusedReport> => {
  let file: FileHandle | undefined
  let written: ReasonCounts = new Map()
  let pending: Refusal[] = []
  let kept = 0
  let end = 0

  // Owner only, also where a file of that name was there; not through a link that somebody else may have put there.
  const openFile = async () => {
    const opened = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), ownerOnly)
    await opened.chmod(ownerOnly)
    return opened
  }
  try {
    if (before === undefined) await rm(path, { force: true })
    else {
      const counts: ReasonCounts = new Map()
      kept = await keepBefore(path, before, counts).catch((error) => {
        if (error.code === 'ENOENT') return 0
        throw error
      })
      written = counts
      file = await openFile()
      await file.truncate(kept)
    }
  } catch (cause) {
    throw new ImportFault(`${path} cannot be written: ${(cause as NodeJS.ErrnoException).code}.`, { cause })
  }

  return {
    async put(refusals) {
      pending = refusals
      end = kept
      if (refusals.length === 0 && !file) return
      try {
        file ??= await openFile()
        const text = refusals.map((refusal) => `${JSON.stringify(refusal)}\n`).join('')
        await file.truncate(kept)
        await file.write(text, kept)
        if (text) await file.datasync()
        end = kept + Buffer.byteLength(text)
      } catch (cause) {
        throw new ImportFault(`${path} cannot be written: ${(cause as NodeJS.ErrnoException).code}.`, { cause })
      }
    },
    keep() {
      for (const refusal of pending) count(written, refusal)
      pending = []
      kept = end
    },
    reasons: () => written,
    async close() {
      await file?.truncate(kept)
      await file?.close()
      if (kept === 0) await rm(path, { force: true })
    },
  }
}
