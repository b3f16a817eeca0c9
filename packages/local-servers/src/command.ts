import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Path of an executable found on PATH, or undefined. */
export const findOnPath = (name: string): string | undefined => {
  // Debian keeps servers in sbin folders that a plain user's PATH may lack.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  for (const folder of folders.filter(Boolean)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      if (statSync(path).isFile()) return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

/** Whether a command can be run and exits 0. */
export const succeeds = (command: string, args: string[], { timeoutMs = 10_000 } = {}) =>
  spawnSync(command, args, { stdio: 'ignore', timeout: timeoutMs }).status === 0
