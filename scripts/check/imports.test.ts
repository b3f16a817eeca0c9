import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { checkImports } from './imports.ts'

const violationsIn = (t: Test, files: Record<string, string>) => {
  const root = mkdtempSync(join(tmpdir(), 'rekey-imports-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return checkImports(root)
}

test('a service may import platform, contracts and its own features; a test imports anything', async (t) => {
  const violations = await violationsIn(t, {
    'packages/contracts/src/index.ts': 'export const a = 1',
    'packages/platform/src/server.ts': "export * from '../../contracts/src/index.ts'",
    'services/one/src/app.ts': "import { b } from './feature/b.ts'\nexport const app = b",
    'services/one/src/feature/b.ts':
      "import { a } from '../../../../packages/platform/src/server.ts'\nexport const b = a",
    'services/one/src/feature/b.test.ts': "import { app } from '../app.ts'\nimport '../../../two/src/app.ts'\nvoid app",
    'services/two/src/app.ts': 'export const app = 2',
  })
  t.same(violations, [])
})

test('two folders that import only each other’s types are a circle', async (t) => {
  const violations = await violationsIn(t, {
    'services/one/src/a/a.ts': "import type { B } from '../b/b.ts'\nexport interface A { b: B }",
    'services/one/src/b/b.ts': 'export interface B { c: 1 }',
    'services/one/src/b/c.ts': "import { type A } from '../a/a.ts'\nexport const c = {} as A",
  })
  t.same(violations, ['circle of folders: services/one/src/a, services/one/src/b'])
})

test('imports against the direction services, platform, contracts are refused', async (t) => {
  const violations = await violationsIn(t, {
    'packages/contracts/src/index.ts': "import '../../platform/src/server.ts'",
    'packages/platform/src/server.ts': "import '../../../services/one/src/app.ts'",
    'services/one/src/app.ts':
      "import '../../two/src/feature/b.ts'\nimport './feature/b.fixture.ts'\nimport './gone.ts'",
    'services/one/src/feature/b.fixture.ts': 'export {}',
    'services/two/src/app.ts': 'export {}',
    'services/two/src/feature/b.ts': "import '../app.ts'",
  })
  const from = 'packages/platform/src/server.ts imports services/one/src/app.ts'
  t.same(violations, [
    'a feature does not import app.ts, features.ts or main.ts of its service: services/two/src/feature/b.ts imports services/two/src/app.ts',
    'an import must resolve to a file: services/one/src/app.ts imports ./gone.ts',
    'contracts import no other package of this repository: packages/contracts/src/index.ts imports packages/platform/src/server.ts',
    'only tests import tests: services/one/src/app.ts imports services/one/src/feature/b.fixture.ts',
    `packages import no service: ${from}`,
    `platform and client import contracts only: ${from}`,
    'services import platform, contracts and texts only: services/one/src/app.ts imports ./gone.ts',
    'services import platform, contracts and texts only: services/one/src/app.ts imports services/two/src/feature/b.ts',
  ])
})
