import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { operatorCommands } from './image-files.ts'

// What is in an image must be enough to run it: images have production packages alone.

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
const commands = operatorCommands(manifest, read('docs/operations.md'))

/** Modules that a file loads; imports of types are not loaded. */
const modulesOf = (file: string): string[] =>
  [
    ...read(file).matchAll(
      /^(?:import|export) (?!type )(?:[^'"`;]*? from )?'([^'\n]+)'|\bimport\('([^'\n]+)'\)|^\} from '([^'\n]+)'/gm,
    ),
  ].map(([, statement, call, end]) => statement ?? call ?? end ?? '')

const manifestOf = (file: string): string => {
  let folder = dirname(file)
  while (!existsSync(join(root, folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'package.json')
}

/** Packages that a file loads and that its own package has for development only. */
const missingPackages = (file: string): string[] => {
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(read(manifestOf(file))) as Record<string, object>
  const production = { ...dependencies, ...optionalDependencies }
  return modulesOf(file)
    .filter((name) => !/^(\.|node:)/.test(name))
    .map((name) => (name.startsWith('@') ? name.split('/', 2).join('/') : (name.split('/', 1)[0] ?? '')))
    .filter((name) => !Object.hasOwn(production, name))
    .map((name) => `${file}: ${name}`)
}

/** A file and those that it loads by a relative path. */
const closureOf = (file: string, seen = new Set<string>()): Set<string> => {
  if (seen.has(file) || !file.endsWith('.ts')) return seen
  seen.add(file)
  for (const name of modulesOf(file)) {
    if (name.startsWith('.')) closureOf(relative(root, join(root, dirname(file), name)), seen)
  }
  return seen
}

t.test('a service loads only packages that its image has', async (t) => {
  const folders = ['auth-gateway', 'password-service', 'notifier', 'inbox'].map((name) => `services/${name}`)
  const packages = ['contracts', 'platform', 'texts', 'local-servers'].map((name) => `packages/${name}`)
  const files = globSync(
    [...folders, ...packages].map((folder) => `${folder}/src/**/*.ts`),
    { cwd: root, exclude: (path) => path.includes('/generated') },
  ).filter((file) => !/\.(test|proof|fixture)\.ts$/.test(file))
  t.ok(files.length > 200)
  t.same(files.flatMap(missingPackages), [])
})

t.test('a command of the tools image loads only packages that the image has', async (t) => {
  const files = ['prisma/seed.ts', ...Object.values(commands).map((command) => command.split(' ').at(-1) ?? '')]
  for (const file of files) t.same([...closureOf(file)].flatMap(missingPackages), [], file)
})

/** Commands for people who change Rekey: CONTRIBUTING.md and the documents of their subject name them. */
const forDevelopers =
  /^(start|bootstrap|check|docs|sms-lengths|messages|packages|structure|request-path|coverage|resilience|sbom|release|screens|trace|(test|bench)(:.*)?)$/

t.test('every command is for developers, or documented for operators and in the tools image', async (t) => {
  const others = Object.keys(manifest.scripts).filter(
    (name) => !forDevelopers.test(name) && !(name.startsWith('pre') && manifest.scripts[name.slice('pre'.length)]),
  )
  t.ok(others.length >= 5)
  t.same(Object.keys(commands).toSorted(), others.toSorted(), 'docs/operations.md names each as `npm run NAME`')
})
