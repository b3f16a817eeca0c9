import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildPackage, packageNames } from './build.ts'

/** One tarball, as npm would publish it. */
export interface Packed {
  name: string
  path: string
  files: number
  /** Size of the tarball. */
  bytes: number
}

/** Packs folders by `npm pack`. */
const npmPack = async (folders: string[], destination: string): Promise<Packed[]> => {
  const args = ['pack', ...folders, '--pack-destination', destination, '--json', '--ignore-scripts']
  const { stdout } = await promisify(execFile)('npm', args, { cwd: destination })
  // A list, or an object by package name: that depends on npm's version.
  const packed = Object.values(JSON.parse(stdout)) as { name: string; filename: string; files: []; size: number }[]
  return packed.map(({ name, filename, files, size }) => ({
    name,
    // Earlier versions of npm answer the name with its scope.
    path: join(destination, filename.replace('@', '').replace('/', '-')),
    files: files.length,
    bytes: size,
  }))
}

/** Builds every package and packs it into a folder. */
export const packPackages = async (destination: string): Promise<Packed[]> => {
  mkdirSync(destination, { recursive: true })
  const scratch = mkdtempSync(join(tmpdir(), 'rekey-packages-'))
  try {
    const folders = await Promise.all(
      packageNames.map(async (name) => {
        const folder = join(scratch, name)
        await buildPackage(name, folder)
        return folder
      }),
    )
    return await npmPack(folders, destination)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
