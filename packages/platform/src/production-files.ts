import { statSync } from 'node:fs'
import type { Rule } from './production.ts'

/** Mode bits of accounts other than the file's owner and group. */
const writableByOthers = 0o002
const readableOrWritableByOthers = 0o006

/** True if the file has one of these mode bits. */
export const isOpenToOthers = (path: string, bits = readableOrWritableByOthers): boolean => {
  // Windows has no such mode bits.
  if (process.platform === 'win32') return false
  try {
    return (statSync(path).mode & bits) !== 0
  } catch {
    // Another rule reports a file that cannot be read.
    return false
  }
}

/** Requires that only the service's account and group can write files that the service believes. */
export const filesAreUnwritable =
  <Name extends string>(...names: Name[]): Rule<Record<Name, string | undefined>> =>
  (config) =>
    names.flatMap((name) => {
      const path = config[name]
      return path !== undefined && isOpenToOthers(path, writableByOthers)
        ? [`${name} names a file that every account of this machine can write: chmod o-w.`]
        : []
    })

/** Requires that only the service's account and group (Kubernetes: fsGroup) can access files of secrets. */
export const filesArePrivate =
  <Name extends string>(...names: Name[]): Rule<Record<Name, string | undefined>> =>
  (config) =>
    names.flatMap((name) => {
      const path = config[name]
      return path !== undefined && isOpenToOthers(path)
        ? [
            `${name} names a file that every account of this machine can read or write: chmod o-rw (Kubernetes: defaultMode 0440).`,
          ]
        : []
    })
