import { readFileSync } from 'node:fs'
import type { Account } from './launch.ts'

/**
 * The account for Postgres, which refuses to run as root: `postgres` if the system has one, else `nobody`. Undefined if
 * this process is not root.
 */
export const postgresAccount = (): Account | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const entry = ['postgres', 'nobody'].map((name) => entries.find((fields) => fields[0] === name)).find(Boolean)
  if (!entry) throw new Error('Postgres refuses to run as root, and this system has no account `postgres` or `nobody`')
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}
