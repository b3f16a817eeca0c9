// Installs the workspace's packages with the pinned pnpm if a manifest or the lock file has changed, and generates the
// Prisma client. Plain JavaScript for Node 20: it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
const stamp = join(root, 'node_modules/.rekey-installed')

const manifests = () => {
  const members = ['packages', 'services', 'tests'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(folder, name, 'package.json')),
  )
  const all = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', ...members]
  return all.filter((path) => existsSync(join(root, path))).sort()
}

const fingerprint = () => {
  const hash = createHash('sha256')
  for (const path of manifests()) hash.update(`${path}\0`).update(readFileSync(join(root, path)))
  return hash.digest('hex')
}

/** Runs a command. If it fails, prints its output and exits. */
const run = (command, args) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (status === 0) return
  process.stderr.write(`${command} ${args.join(' ')} failed\n${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`)
  process.exit(1)
}

const wanted = fingerprint()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.log('Installing packages.')
  run('npx', ['--yes', 'pnpm@12.21.0', 'install', '--frozen-lockfile'])
  writeFileSync(stamp, wanted)
}
run(join(root, 'node_modules/.bin/node'), ['scripts/generate.ts'])
