import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Git, gitIn } from '../../../scripts/release/git.ts'

/** The sources that are checked out. */
export const root = resolve(import.meta.dirname, '../../..')

interface VersionBefore {
  commit: string
  /** Why this one. */
  reason: string
}

/** The newest release before the sources that are checked out. A release does not run beside itself. */
const lastRelease = (git: Git): VersionBefore | undefined => {
  try {
    const tag = git(['describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD^']).trim()
    return { commit: git(['rev-parse', `${tag}^{commit}`]).trim(), reason: `the last release, ${tag}` }
  } catch {
    return undefined
  }
}

/**
 * What the sources replace: the commit of REKEY_UPGRADE_FROM, the last release, or the commit before the newest migration.
 *
 * @returns a reason to skip if there is no release and the run is not to take minutes (CI)
 * @throws Error if REKEY_UPGRADE_FROM is no commit
 */
export const findVersionBefore = (
  { REKEY_UPGRADE_FROM: given, CI }: { REKEY_UPGRADE_FROM?: string | undefined; CI?: string | undefined },
  git = gitIn(root),
): VersionBefore | string => {
  const commitOf = (name: string) => git(['rev-parse', '--verify', `${name}^{commit}`]).trim()
  if (given) return { commit: commitOf(given), reason: 'REKEY_UPGRADE_FROM' }
  const release = lastRelease(git)
  if (release) return release
  if (CI) return 'platform: no release tag (v*) to upgrade from; REKEY_UPGRADE_FROM names another commit'
  const migration = git(['log', '-1', '--diff-filter=A', '--format=%H', '--', 'prisma/migrations']).trim()
  return { commit: commitOf(`${migration}^`), reason: 'no release tag: the commit before the newest migration' }
}

/** Ends with the output of the command if it fails. */
const run = async (cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = process.env) => {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${code}:\n${stdout}${stderr}`)
  return stdout
}

/** Runs one of the operator's commands of a version, such as `scripts/migrate.ts`. @returns what it printed */
export const runCommand = (versionRoot: string, args: string[], env: Record<string, string>): Promise<string> =>
  run(versionRoot, process.execPath, args, { PATH: process.env.PATH, HOME: process.env.HOME, ...env })

/** Writes the sources of a commit into a folder, and installs what its lock file names. */
export const checkOut = async (commit: string, folder: string): Promise<void> => {
  mkdirSync(folder, { recursive: true })
  const archive = execFileSync('git', ['archive', '--format=tar', commit], { cwd: root, maxBuffer: 2 ** 30 })
  writeFileSync(`${folder}.tar`, archive)
  await run(folder, 'tar', ['-xf', `${folder}.tar`])
  await run(folder, process.execPath, [join(folder, 'scripts/bootstrap.mjs')])
}
