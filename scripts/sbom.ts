import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const usage = `npm run sbom [-- --out FOLDER]
  Writes the software bill of materials of each image, in CycloneDX 1.6 (ECMA-424): its production packages with version,
  licence, digest and source. Reads the lock file and the installed packages.

  --out FOLDER  where to write NAME.cdx.json (dist/sbom)`

const root = resolve(import.meta.dirname, '..')

/** The packages of this workspace that each image contains, as filters of pnpm. */
const images = {
  'auth-gateway': ['@rekey/auth-gateway...'],
  'password-service': ['@rekey/password-service...'],
  notifier: ['@rekey/notifier...'],
  inbox: ['@rekey/inbox...'],
  tools: ['rekey...', '@rekey/auth-gateway...', '@rekey/password-service...', '@rekey/notifier...'],
}

const pnpmVersion = /pnpm@(\d+\.\d+\.\d+)/.exec(readFileSync(join(root, 'scripts/bootstrap.mjs'), 'utf8'))?.[1] ?? ''

/** @throws Error with the output of pnpm */
const write = (name: string, filters: string[], folder: string) => {
  const path = join(folder, `${name}.cdx.json`)
  const format = ['--sbom-format', 'cyclonedx', '--sbom-spec-version', '1.6', '--sbom-type', 'application', '--prod']
  const { status, stdout, stderr, error } = spawnSync(
    'npx',
    [
      '--yes',
      `pnpm@${pnpmVersion}`,
      ...filters.flatMap((filter) => ['--filter-prod', filter]),
      'sbom',
      ...format,
      '--out',
      `${path}.new`,
    ],
    { cwd: root, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`pnpm sbom failed for ${name}:\n${error?.message ?? ''}${stdout}${stderr}`)
  const { components } = JSON.parse(readFileSync(`${path}.new`, 'utf8')) as { components: unknown[] }
  renameSync(`${path}.new`, path)
  console.log(`${relative(process.cwd(), path)}: ${components.length} packages`)
}

try {
  const { values } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, out: { type: 'string', default: join(root, 'dist/sbom') } },
  })
  if (values.help) console.log(usage)
  else {
    const folder = resolve(values.out)
    mkdirSync(folder, { recursive: true })
    for (const [name, filters] of Object.entries(images)) write(name, filters, folder)
  }
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
