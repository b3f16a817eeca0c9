import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { version as from } from '@rekey/contracts'
import t from 'tap'
import { parse } from 'yaml'
import { mayNameVersion, replaceVersion } from './places.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const to = '98.7.6-test.5'

/** Lines that may contain the same characters and name something else. */
const isAnother = (line: string) =>
  /"bindingVersion"|^\s*"[@\w/.-]+": "[^"]*",?$/.test(line) && !/^\s*"version": /.test(line)

t.test('a release replaces the version wherever a document, manifest or deployment names it', async (t) => {
  const listed = ['ls-files', '-z', '--', '*.json', '*.yml', '*.yaml', '*.md', 'deploy', 'services/*/node-arguments']
  const paths = execFileSync('git', listed, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter(
      (path) =>
        path !== 'CHANGELOG.md' &&
        !path.endsWith('pnpm-lock.yaml') &&
        // A link is tested where it leads, and one may lead to a folder.
        lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile(),
    )
  const named = new RegExp(`(?<![\\w.-])v?${from.replaceAll('.', '\\.')}(?![\\w.-]*\\w)`)
  let replacements = 0
  for (const path of paths) {
    const text = read(path)
    const after = mayNameVersion(path) ? replaceVersion(path, text, { from, to }) : text
    if (after !== text) replacements += 1
    const left = after.split('\n').filter((line) => named.test(line) && !isAnother(line))
    t.same(left, [], `${path}: add the place to places.ts, or the line to isAnother`)
  }
  t.ok(replacements >= 8, `${replacements} files`)
})

t.test('the documents, images and manifests of the next version name it', async (t) => {
  const next = (path: string) => replaceVersion(path, read(path), { from, to })
  t.equal(JSON.parse(next('package.json')).version, to)
  for (const path of ['docs/openapi.json', 'docs/asyncapi.json']) t.equal(JSON.parse(next(path)).info.version, to)
  for (const path of ['docker-compose.yml', 'deploy/compose.production.yml']) {
    const { services } = parse(next(path), { merge: true }) as {
      services: Record<string, { image: string; build?: { args: { VERSION: string } } }>
    }
    for (const [name, { image, build }] of Object.entries(services)) {
      if (!image.startsWith('localhost/rekey/')) continue
      t.match(image, /^localhost\/rekey\/[a-z-]+:\$\{REKEY_VERSION:-98\.7\.6-test\.5\}$/, name)
      t.equal(build?.args.VERSION, `\${REKEY_VERSION:-${to}}`, name)
    }
  }
  const chart = 'deploy/helm/rekey/Chart.yaml'
  if (existsSync(join(root, chart))) t.match(parse(next(chart)), { version: to, appVersion: to })
})

t.test('a file that no longer names the version where it must stops the release', async (t) => {
  const required = ['docker-compose.yml', 'deploy/compose.production.yml', 'docs/openapi.json', 'docs/audit.md']
  for (const path of [...required, 'deploy/helm/rekey/Chart.yaml']) {
    t.throws(() => replaceVersion(path, 'version: 9.9.9', { from, to }), { message: `${path} does not name` }, path)
  }
  const chart = 'version: 1.0.0\nappVersion: "1.0.0"\ndependencies:\n  - version: 1.0.0\n'
  t.equal(
    replaceVersion('deploy/helm/rekey/Chart.yaml', chart, { from: '1.0.0', to: '1.1.0' }),
    'version: 1.1.0\nappVersion: "1.1.0"\ndependencies:\n  - version: 1.0.0\n',
  )
})
