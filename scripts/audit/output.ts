import { type FileHandle, open, stat } from 'node:fs/promises'

/** Where lines go. `write` resolves once they are stored: only then are their events acknowledged. */
export interface Output {
  write(lines: string): Promise<void>
  close(): Promise<void>
}

const newline = 0x0a
const blockBytes = 64 * 1_024

/** Length of the file up to its last complete line. */
const completeLength = async (file: FileHandle): Promise<number> => {
  const { size } = await file.stat()
  for (let end = size; end > 0; end -= blockBytes) {
    const from = Math.max(0, end - blockBytes)
    const block = Buffer.alloc(Math.min(end, blockBytes))
    await file.read(block, 0, end - from, from)
    const at = block.lastIndexOf(newline, end - from - 1)
    if (at >= 0) return from + at + 1
  }
  return 0
}

/** Opens a file to append to. A line that a killed process left half written is cut off: its event was not acknowledged. */
const openFile = async (path: string): Promise<FileHandle> => {
  const file = await open(path, 'a+', 0o600)
  await file.truncate(await completeLength(file))
  return file
}

/**
 * Appends to a file, and syncs each batch to the disk. A file that was renamed or removed, as logrotate does, is created
 * again with the next batch; a batch that does not fit is taken back, so that the file always has complete lines.
 */
export const fileOutput = async (path: string): Promise<Output> => {
  let file = await openFile(path)
  const isMoved = async () => {
    const [current, ours] = await Promise.all([stat(path).catch(() => undefined), file.stat()])
    return current?.ino !== ours.ino || current.dev !== ours.dev
  }
  return {
    async write(lines) {
      if (await isMoved()) {
        await file.close()
        file = await openFile(path)
      }
      const { size } = await file.stat()
      try {
        await file.appendFile(lines)
        await file.datasync()
      } catch (error) {
        await file.truncate(size).catch(() => {})
        throw error
      }
    },
    close: () => file.close(),
  }
}

/** Standard output: a line counts as stored once the reader's pipe, or the file, has taken it. */
export const standardOutput = (): Output => ({
  write: (lines) =>
    new Promise((resolve, reject) => {
      process.stdout.once('error', reject)
      process.stdout.write(lines, (error) => {
        process.stdout.off('error', reject)
        if (error) reject(error)
        else resolve()
      })
    }),
  close: async () => {},
})
