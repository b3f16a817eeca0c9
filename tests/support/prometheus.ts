import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findOnPath } from '@rekey/local-servers/command'

const run = promisify(execFile)

export interface Prometheus {
  /** Path of promtool. */
  promtool: string
  /** Path of the server. */
  prometheus: string
}

/** Where Debian's package is unpacked. */
const unpacked = join(import.meta.dirname, 'node_modules/.rekey-prometheus')
const programsIn = (folder: string): Prometheus => ({
  promtool: join(folder, 'usr/bin/promtool'),
  prometheus: join(folder, 'usr/bin/prometheus'),
})

/** Unpacks Debian's package into a folder of its own: it needs no rights, and starts no system service. */
const unpack = async (): Promise<void> => {
  const unfinished = `${unpacked}.${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  try {
    const download = () => run('apt-get', ['download', '-qq', 'prometheus'], { cwd: unfinished, timeout: 120_000 })
    // A fresh system has no lists of packages yet; only root may fetch them.
    await download().catch(async () => {
      await run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', 'update', '-qq'], { timeout: 240_000 })
      await download()
    })
    const [file = ''] = readdirSync(unfinished).filter((name) => name.endsWith('.deb'))
    await run('dpkg-deb', ['-x', join(unfinished, file), unfinished])
    rmSync(join(unfinished, file))
    // Renamed when it is complete: other tests must not find half a program.
    if (!existsSync(unpacked)) renameSync(unfinished, unpacked)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** Provides promtool and Prometheus: installed ones, else those of Debian's package; else the reason why there are none. */
export const findPrometheus = async (): Promise<Prometheus | { missing: string }> => {
  const [promtool, prometheus] = [findOnPath('promtool'), findOnPath('prometheus')]
  if (promtool && prometheus) return { promtool, prometheus }
  if (existsSync(unpacked)) return programsIn(unpacked)
  if (!findOnPath('apt-get')) return { missing: 'platform: Prometheus is not installed, and there is no apt-get' }
  try {
    await unpack()
    return programsIn(unpacked)
  } catch {
    return { missing: 'platform: Prometheus is not installed, and its package could not be fetched' }
  }
}
