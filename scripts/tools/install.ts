import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export interface Result {
  ok: boolean
  output: string
}

/** Runs a command to its end. */
export const run = async (cwd: string, command: string, args: string[]): Promise<Result> => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject)),
  ])
  return { ok: code === 0, output: `${output}${errors}` }
}

/**
 * Installs a folder from its own lock file, unless that is done. The product is installed without such folders: they are
 * larger than it.
 *
 * @throws Error with the output if it cannot be installed
 */
export const installFolder = async (dir: string): Promise<void> => {
  const lock = readFileSync(join(dir, 'pnpm-lock.yaml'), 'utf8')
  const stamp = join(dir, 'node_modules/.rekey-installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  const { ok, output } = await run(dir, 'npx', ['--yes', 'pnpm@12.21.0', 'install', '--frozen-lockfile'])
  if (!ok) throw new Error(`${dir} cannot be installed:\n${output}`)
  writeFileSync(stamp, lock)
}

/** Installs a package of `tools/`. @returns its folder */
export const installTool = async (root: string, name: 'api-lint' | 'bruno' | 'kubernetes'): Promise<string> => {
  const dir = join(root, 'tools', name)
  await installFolder(dir)
  return dir
}
