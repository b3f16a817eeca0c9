import { readdir, readFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'

/** What Linux calls the threads of libuv's pool, on which hashes are computed. */
const poolThread = 'libuv-worker'
const threads = '/proc/self/task'

/**
 * Has hashes computed at a lower priority than all else that this process does: with every core hashing, whoever needs
 * no hash is still answered at once. Only Linux has priorities of threads; elsewhere nothing happens.
 */
export const lowerHashPriority = async (): Promise<void> => {
  if (process.platform !== 'linux') return
  try {
    // Any work of the pool starts all of its threads; reading a folder is one.
    await readdir(threads)
    for (const id of await readdir(threads)) {
      const name = await readFile(`${threads}/${id}/comm`, 'utf8')
      if (name.trim() === poolThread) setPriority(Number(id), constants.priority.PRIORITY_BELOW_NORMAL)
    }
  } catch {
    // A system that forbids it: then hashes compete with the rest, as they do elsewhere.
  }
}
