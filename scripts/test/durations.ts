import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
/** Seconds that each file took when it last ran; lost with the installation, which costs one slower run. */
const path = join(root, 'node_modules/.rekey-test-durations.json')

const readDurations = (): Record<string, number> => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}

/** A file that has not run yet: a guess by its size. */
const guess = (file: string) => statSync(join(root, file)).size / 1_000

/** The files, the longest first: a long one that begins last would leave the other cores idle. */
export const longestFirst = (files: string[]): string[] => {
  const durations = readDurations()
  const secondsOf = (file: string) => durations[file] ?? guess(file)
  return files.toSorted((a, b) => secondsOf(b) - secondsOf(a))
}

export const keepDurations = (results: readonly { path: string; seconds: number }[]): void => {
  const now = Object.fromEntries(results.map(({ path, seconds }) => [path, seconds]))
  writeFileSync(path, JSON.stringify({ ...readDurations(), ...now }))
}
