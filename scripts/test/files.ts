import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Options } from './options.ts'
import { isSlow } from './proofs.ts'

const root = resolve(import.meta.dirname, '../..')
/** Runs only when it is named: it needs a container engine and up to an hour. */
const onlyNamed = join('tests', 'images')
/** Where tests are. */
export const folders = ['services', 'packages', 'scripts', 'bench', 'deploy', 'tests', 'examples']

/**
 * Finds the files that a run consists of.
 *
 * @returns paths relative to the repository
 * @throws Error if there are none
 */
export const findTests = ({
  paths,
  proofs,
  coverage,
}: Pick<Options, 'paths' | 'proofs'> & Partial<Options>): string[] => {
  const names = proofs ? '*.{proof,slow.test}.ts' : '*.test.ts'
  const patterns = (paths.length ? paths : folders).map((path) =>
    path.endsWith('.ts') ? path : join(path, '**', names),
  )
  const isLeftOut = (file: string) => file.startsWith(onlyNamed) || (!proofs && !coverage && isSlow(file))
  const files = globSync(patterns, { cwd: root, exclude: (path) => path.includes('node_modules') })
    .filter((file) => paths.length > 0 || !isLeftOut(file))
    .toSorted()
  if (files.length === 0) throw new Error(`no ${proofs ? 'proofs' : 'tests'} found in ${paths.join(', ') || root}`)
  return files
}
