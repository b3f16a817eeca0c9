import { readdir, readFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'

/** Linux's name for the threads of libuv's pool, on which hashes are computed. */
const poolThread = 'libuv-worker'
const threads = '/proc/self/task'

/**
 * Lowers the priority of the threads that compute hashes, so that the event loop still answers other requests at once
 * while every core is hashing. Only Linux has thread priorities; elsewhere this does nothing.
 */
export const lowerHashPriority = async (): Promise<void> => {
  if (process.platform !== 'linux') return
  try {
    // Any task of the pool starts all its threads; reading a directory is one.
    await readdir(threads)
    for (const id of await readdir(threads)) {
      const name = await readFile(`${threads}/${id}/comm`, 'utf8')
      if (name.trim() === poolThread) setPriority(Number(id), constants.priority.PRIORITY_BELOW_NORMAL)
    }
  } catch {
    // Not permitted on this system: hashes then have the priority of the event loop.
  }
}
