import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Path of an executable found on PATH, or undefined. */
export const findOnPath = (name: string): string | undefined => {
  // Debian installs servers in sbin folders, which the PATH of a normal user may lack.
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

/** True if the command can be run and exits with 0. */
export const succeeds = (command: string, args: string[], { timeoutMs = 10_000 } = {}) =>
  spawnSync(command, args, { stdio: 'ignore', timeout: timeoutMs }).status === 0
