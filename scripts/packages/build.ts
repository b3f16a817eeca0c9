import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'tsdown'

const root = resolve(import.meta.dirname, '../..')

interface Manifest {
  version: string
  license: string
  description: string
  dependencies?: Record<string, string>
}

const readManifest = (folder: string): Manifest => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))

/** The packages that other repositories install. */
export const packageNames = ['client', 'contracts'] as const
export type PackageName = (typeof packageNames)[number]

/** The module that a package publishes. */
const entries: Record<PackageName, string> = { client: 'src/index.ts', contracts: 'src/listener.ts' }

/** Version and license of the product; the dependencies that are installed with the package. */
const publishedManifest = (name: PackageName) => {
  const { version, license } = readManifest('.')
  const { description, dependencies = {} } = readManifest(`packages/${name}`)
  const installed = Object.entries(dependencies).filter(([, range]) => !range.startsWith('workspace:'))
  return {
    name: `@rekey/${name}`,
    version,
    description,
    license,
    type: 'module',
    sideEffects: false,
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    types: './index.d.ts',
    main: './index.js',
    engines: { node: '>=20.3' },
    ...(installed.length > 0 && { dependencies: Object.fromEntries(installed) }),
  }
}

/**
 * Builds a package into a folder as it is published: one module, its types, manifest, README and change log. The version
 * is that of the repository.
 */
export const buildPackage = async (name: PackageName, outDir: string): Promise<void> => {
  const folder = join(root, 'packages', name)
  rmSync(outDir, { recursive: true, force: true })
  mkdirSync(outDir, { recursive: true })
  await build({
    config: false,
    cwd: folder,
    entry: { index: entries[name] },
    outDir,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    fixedExtension: false,
    tsconfig: join(folder, 'tsconfig.build.json'),
    dts: true,
    clean: false,
    report: false,
    // A warning is about a slow machine too.
    logLevel: 'error',
  })
  writeFileSync(join(outDir, 'package.json'), `${JSON.stringify(publishedManifest(name), null, 2)}\n`)
  cpSync(join(folder, 'README.md'), join(outDir, 'README.md'))
  cpSync(join(root, 'CHANGELOG.md'), join(outDir, 'CHANGELOG.md'))
}
