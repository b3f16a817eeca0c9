import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, type ProcessIdentity, startTimeOf } from '@rekey/local-servers/process-identity'
import { endOrphan } from '@rekey/local-servers/server'

const ownFiles = ['postgres', 'redis', 'nats', 'keys', 'logs', 'services', 'servers.env', 'variables']

/** Where each part keeps its data, logs and records. */
export const partsOf = (dataDir: string) => ({
  postgres: join(dataDir, 'postgres'),
  redis: join(dataDir, 'redis'),
  nats: join(dataDir, 'nats'),
  keys: join(dataDir, 'keys'),
  logs: join(dataDir, 'logs'),
  /** URLs of this run's servers, for the operator's commands. */
  servers: join(dataDir, 'servers.env'),
  service: (name: string) => join(dataDir, 'services', name),
  /** Variables of a service of this run, for npm run doctor. */
  variables: (name: string) => join(dataDir, 'variables', `${name}.env`),
})

const readHolder = (path: string): ProcessIdentity | undefined => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Removed in between, or cut short by a crash.
    return undefined
  }
}

/**
 * Locks a data folder for this process. @returns the function that unlocks it
 * @throws Error naming the folder when another copy uses it.
 */
export const takeDataDir = (dataDir: string): (() => void) => {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new Error(
      `${dataDir} cannot be used (${(error as NodeJS.ErrnoException).code}): set REKEY_DATA_DIR to another folder`,
    )
  }
  const path = join(dataDir, 'run.json')
  const own = JSON.stringify({ pid: process.pid, startedAt: startTimeOf(process.pid) })
  for (;;) {
    try {
      writeFileSync(path, own, { flag: 'wx', mode: 0o600 })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = readHolder(path)
    if (holder && isAlive(holder)) {
      throw new Error(`${dataDir} is used by another copy (process ${holder.pid}): stop it or set REKEY_DATA_DIR`)
    }
    rmSync(path, { force: true })
  }
}

/** Ends the processes that a killed run left in this folder. */
export const endOrphans = async (dataDir: string, services: string[]) => {
  const { postgres, redis, nats, service } = partsOf(dataDir)
  await Promise.all([...services.map(service), redis, nats].map((dir) => endOrphan(dir)))
  await endOrphan(postgres, 'SIGINT')
}

/** Removes our files from a data folder, and no others. */
export const wipe = (dataDir: string) => {
  for (const name of ownFiles) rmSync(join(dataDir, name), { recursive: true, force: true })
}
