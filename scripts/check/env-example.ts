import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startVariables } from '../start/settings.ts'

/** Variables of each service (from the schema of its configuration) and of `npm start`. */
const variablesByReader = async (root: string) => {
  const readers = new Map<string, string[]>([['npm start', [...startVariables]]])
  for (const path of globSync('services/*/src/config.ts', { cwd: root }).toSorted()) {
    const { Env } = await import(join(root, path))
    readers.set(path.split('/')[1] ?? path, Object.keys(Env.properties))
  }
  return readers
}

/** Compares .env.example with the variables that are read. @returns each difference as a line */
export const compareVariables = (example: string, readers: Map<string, string[]>): string[] => {
  const named = new Set(example.match(/^#?[A-Z][A-Z0-9_]*(?==)/gm)?.map((name) => name.replace('#', '')))
  const read = new Set([...readers.values()].flat())
  const missing = [...readers].flatMap(([reader, names]) =>
    names.filter((name) => !named.has(name)).map((name) => `.env.example lacks ${name}, which ${reader} reads`),
  )
  const unread = [...named]
    .filter((name) => !read.has(name))
    .map((name) => `.env.example has ${name}, which nothing reads`)
  return [...missing, ...unread]
}

/** Compares this repository's .env.example with the variables that are read. */
export const checkEnvExample = async (root: string) =>
  compareVariables(readFileSync(join(root, '.env.example'), 'utf8'), await variablesByReader(root))
