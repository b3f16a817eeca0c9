import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { changeFile } from './change-file.ts'
import { secretFiles } from './keys.ts'

/** The steps that replace a secret key, in order; each is for all instances before the next begins. */
export const rotationSteps = ['add', 'use', 'drop'] as const
export type RotationStep = (typeof rotationSteps)[number]

/** Most keys of a list that the services accept. */
const mostKeys = 4
const peppers = 'REKEY_PASSWORD_PEPPERS'

const idOf = (key: string) => (key.includes(':') ? key.split(':', 1)[0] : undefined)

/** An id that no key of the list has: k1, k2, … */
const newId = (keys: string[]): string => {
  const numbers = keys.map((key) => Number(/^k(\d+)$/.exec(idOf(key) ?? '')?.[1] ?? 0))
  return `k${Math.max(0, ...numbers) + 1}`
}

const steps: Record<RotationStep, (keys: string[], name: string) => string[]> = {
  add(keys, name) {
    if (keys.length >= mostKeys) throw new Error(`${name} has ${mostKeys} keys: drop the old ones first.`)
    return [...keys, `${newId(keys)}:${randomBytes(32).toString('base64url')}`]
  },
  use: (keys) => [...keys.slice(-1), ...keys.slice(0, -1)],
  drop(keys, name) {
    if (name === peppers) throw new Error(`${peppers}: remove a pepper by hand, when no password hash names it.`)
    return keys.slice(0, 1)
  },
}

export interface RotatedSecret {
  /** Names of the files that were changed. */
  files: string[]
  /** Ids of the keys, in order: the first writes. '-': a key without an id. */
  ids: string[]
}

/**
 * Takes one step of the rotation of a secret, in every service's file that has it: adds a key, lets the newest key write,
 * or drops all keys but the one that writes.
 *
 * @throws Error if no file has the secret, the files differ, or the step is not possible
 */
export const rotateSecret = (dir: string, name: string, step: RotationStep): RotatedSecret => {
  const paths = secretFiles.map((file) => join(dir, file)).filter((path) => existsSync(path))
  const valueIn = (path: string) => parseEnv(readFileSync(path, 'utf8'))[name]
  const holders = paths.filter((path) => valueIn(path))
  const [value, ...others] = new Set(holders.map(valueIn))
  if (!value) throw new Error(`no file of ${dir} has ${name}`)
  if (others.length > 0) throw new Error(`${name} differs between the files of ${dir}: make them equal first.`)
  const keys = steps[step](value.split(','), name)
  for (const path of holders) {
    // Readers get the old text or the new one, also through a symbolic link.
    changeFile(realpathSync(path), (text) =>
      text
        .split('\n')
        .map((line) => (line.startsWith(`${name}=`) ? `${name}=${keys.join()}` : line))
        .join('\n'),
    )
  }
  return {
    files: secretFiles.filter((file) => holders.includes(join(dir, file))),
    ids: keys.map((key) => idOf(key) ?? '-'),
  }
}
