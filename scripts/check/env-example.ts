import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startVariables } from '../start/settings.ts'

/** What each part reads: the services by their configuration's schema, `npm start` by its settings. */
const variablesByReader = async (root: string) => {
  const readers = new Map<string, string[]>([['npm start', [...startVariables]]])
  for (const path of globSync('services/*/src/config.ts', { cwd: root }).toSorted()) {
    const { Env } = await import(join(root, path))
    readers.set(path.split('/')[1] ?? path, Object.keys(Env.properties))
  }
  return readers
}

/** Compares a list of variables, in the form of .env.example, with what the parts read; returns each fault as a line. */
export const compareVariables = (example: string, readers: Map<string, string[]>): string[] => {
  const named = new Set(example.match(/^#?[A-Z][A-Z0-9_]*(?==)/gm)?.map((name) => name.replace('#', '')))
  const read = new Set([...readers.values()].flat())
  const missing = [...readers].flatMap(([reader, names]) =>
    names.filter((name) => !named.has(name)).map((name) => `.env.example does not name ${name}, which ${reader} reads`),
  )
  const unread = [...named]
    .filter((name) => !read.has(name))
    .map((name) => `.env.example names ${name}, which nothing reads`)
  return [...missing, ...unread]
}

/** Whether .env.example names every variable that something reads, and no other. */
export const checkEnvExample = async (root: string) =>
  compareVariables(readFileSync(join(root, '.env.example'), 'utf8'), await variablesByReader(root))
