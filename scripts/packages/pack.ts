import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildPackage, packageNames } from './build.ts'

const run = promisify(execFile)

/** One tarball, as npm would publish it. */
export interface Packed {
  name: string
  path: string
  files: number
  /** Size of the tarball. */
  bytes: number
}

/** Packs a folder by `npm pack` into another one. */
export const npmPack = async (folder: string, destination: string): Promise<Packed> => {
  const { stdout } = await run(
    'npm',
    ['pack', folder, '--pack-destination', destination, '--json', '--ignore-scripts'],
    {
      cwd: destination,
    },
  )
  // npm 12 answers an object by package name, earlier ones a list.
  const [packed] = Object.values(JSON.parse(stdout)) as { name: string; filename: string; files: []; size: number }[]
  if (!packed) throw new Error(`npm pack packed nothing of ${folder}`)
  const { name, filename, files, size } = packed
  return {
    name,
    path: join(destination, filename.replace('@', '').replace('/', '-')),
    files: files.length,
    bytes: size,
  }
}

/** Builds every package and packs it into a folder. */
export const packPackages = async (destination: string): Promise<Packed[]> => {
  mkdirSync(destination, { recursive: true })
  const scratch = mkdtempSync(join(tmpdir(), 'rekey-packages-'))
  try {
    return await Promise.all(
      packageNames.map(async (name) => {
        const built = join(scratch, name)
        await buildPackage(name, built)
        return npmPack(built, destination)
      }),
    )
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
