import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

// Generates the Prisma client of the password-service from prisma/schema.prisma if the schema is newer.

const root = resolve(import.meta.dirname, '..')
const output = join(root, 'services/password-service/src/generated/prisma')
const sources = ['prisma/schema.prisma', 'prisma.config.ts', 'package.json'].map((path) => join(root, path))

const isCurrent = () => {
  const written = join(output, 'client.ts')
  return existsSync(written) && sources.every((source) => statSync(source).mtimeMs <= statSync(written).mtimeMs)
}

const generate = () => {
  // Removed first: the client must not keep a model that the schema no longer has.
  rmSync(output, { recursive: true, force: true })
  execFileSync(join(root, 'node_modules/.bin/prisma'), ['generate', '--no-hints'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Prisma checks for its native schema engine, which it would download, but does not run it to generate: any program
    // satisfies the check.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  })
}

if (!isCurrent()) {
  try {
    generate()
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer }
    console.error(`prisma generate failed\n${stdout ?? ''}${stderr ?? error}`)
    process.exitCode = 1
  }
}
