import { accessSync, constants, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system in memory on most Linux systems. A container may have it with 64 MiB only. */
const memory = '/dev/shm'
const neededBytes = 4 * 1024 ** 3
const prefix = 'rekey-test-run-'

const hasRoom = (folder: string) => {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize >= neededBytes
  } catch {
    // Other systems have no such folder.
    return false
  }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Removes the folders of runs that were killed: they would use memory until the system restarts. */
const removeOrphans = (folder: string) => {
  const orphans = readdirSync(folder).filter((name) => {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    return pid !== undefined && !isAlive(Number(pid))
  })
  for (const name of orphans) rmSync(join(folder, name), { recursive: true, force: true })
}

/**
 * Creates the folder for the data of the servers and of the tests. In memory if there is room: tests create dozens of
 * Postgres clusters, and on a slow disk each takes seconds.
 */
export const createScratch = (): string => {
  const parent = hasRoom(memory) ? memory : tmpdir()
  removeOrphans(parent)
  return mkdtempSync(join(parent, `${prefix}${process.pid}-`))
}
