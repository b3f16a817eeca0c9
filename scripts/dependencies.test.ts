import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'

const root = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'] as const
type Manifest = Partial<Record<(typeof kinds)[number], Record<string, string>>>

/** Packages with a lock file of their own, which are installed when a check, a proof or the bench needs them. */
const tools = globSync('{tools,bench/peers}/*/package.json', { cwd: root })
const manifests = ['package.json', ...globSync('{bench,{packages,services,tests}/*}/package.json', { cwd: root })]
const entriesOf = (path: string) => {
  const manifest = JSON.parse(read(path)) as Manifest
  return kinds.flatMap((kind) =>
    Object.entries(manifest[kind] ?? {}).map(([name, version]) => ({ kind, name, version })),
  )
}

const lock = parse(read('pnpm-lock.yaml')) as {
  importers: Record<
    string,
    Partial<Record<(typeof kinds)[number], Record<string, { specifier: string; version: string }>>>
  >
  packages: Record<string, { resolution: { integrity?: string } }>
}

t.test('S37: every dependency has one exact version or is a package of this workspace', async (t) => {
  for (const path of [...manifests, ...tools]) {
    const loose = entriesOf(path).filter(({ version }) => !/^(workspace:\*|\d+\.\d+\.\d+(-[\w.-]+)?)$/.test(version))
    t.same(loose, [], path)
  }
})

t.test('S37: the lock file has every dependency, and a SHA-512 digest for every package', async (t) => {
  t.same(Object.keys(lock.importers).toSorted(), manifests.map((path) => dirname(path)).toSorted())
  for (const path of manifests) {
    const locked = lock.importers[dirname(path)]
    for (const { kind, name, version } of entriesOf(path)) {
      const entry = locked?.[kind]?.[name]
      t.equal(entry?.specifier, version, `${path}: ${name}`)
      if (!version.startsWith('workspace:')) t.ok(entry?.version.startsWith(version), `${path}: ${name}`)
    }
  }
  const unsigned = Object.entries(lock.packages).filter(
    ([, { resolution }]) => !resolution.integrity?.startsWith('sha512-'),
  )
  t.same(
    unsigned.map(([name]) => name),
    [],
  )
})

t.test('S37: a tool has a lock file with a digest for every package', async (t) => {
  t.ok(tools.length > 0)
  for (const path of tools) {
    const { packages } = parse(read(join(dirname(path), 'pnpm-lock.yaml'))) as typeof lock
    for (const [name, { resolution }] of Object.entries(packages)) t.match(resolution.integrity, /^sha512-/, name)
  }
})

t.test('S37: the installation does not change the lock file', async (t) => {
  for (const file of ['scripts/bootstrap.mjs', 'scripts/tools/install.ts']) {
    t.match(read(file), "'install', '--frozen-lockfile'")
  }
})
