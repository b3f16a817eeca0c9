import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRepository, files, request } from './release.fixture.ts'
import { release } from './release.ts'

t.test('a release is one commit with an annotated tag, and its files are checked out', async (t) => {
  const { git, read, state } = createRepository(t)
  const before = state()
  const { tag, diff } = release(git, request)
  t.equal(tag, 'v0.2.0')
  t.equal(git(['rev-parse', 'HEAD^']), before.head)
  t.equal(git(['rev-parse', 'v0.2.0^{commit}']), git(['rev-parse', 'HEAD']))
  t.equal(git(['cat-file', '-t', 'v0.2.0']).trim(), 'tag')
  t.equal(git(['log', '-1', '--format=%s']).trim(), 'release: 0.2.0')
  t.equal(git(['status', '--porcelain']), '')
  t.equal(JSON.parse(read('package.json')).version, '0.2.0')
  t.match(read('CHANGELOG.md'), '## [Unreleased]\n\n## [0.2.0] - 2026-11-26\n\n### Added\n\n- A change.\n')
  t.match(read('docker-compose.yml'), '{REKEY_VERSION:-0.2.0}')
  t.match(read('docs/integrate.md'), 'rekey-client-0.2.0.tgz')
  t.equal(git(['diff', 'HEAD^', 'HEAD']), diff)
  t.equal(read('README.md'), files['README.md'])
})

t.test('a dry run shows the same changes and makes none', async (t) => {
  const { git, state } = createRepository(t)
  const before = state()
  const { diff } = release(git, { ...request, dryRun: true })
  t.same(state(), before)
  t.equal(release(git, request).diff, diff)
})

t.test('what is not fit for a release is refused, and nothing changes', async (t) => {
  const { root, git, state } = createRepository(t)
  const refuses = (prepare: () => void, undo: () => void, message: RegExp, version = '0.2.0') => {
    prepare()
    const before = state()
    t.throws(() => release(git, { ...request, version }), { message })
    t.same(state(), before, String(message))
    undo()
  }
  const nothing = () => {}
  const write = (path: string, text: string) => () => writeFileSync(join(root, path), text)
  refuses(write('README.md', 'Changed.\n'), () => git(['checkout', 'README.md']), /commit, stash or remove.*\n.*README/)
  refuses(write('new.md', ''), () => rmSync(join(root, 'new.md')), /new\.md/)
  refuses(nothing, nothing, /"0\.2" is not a version/, '0.2')
  refuses(nothing, nothing, /0\.1\.0 is not newer/, '0.1.0')
  refuses(
    () => git(['tag', 'v0.2.0']),
    () => git(['tag', '--delete', 'v0.2.0']),
    /the tag v0\.2\.0 exists/,
  )
  const switchTo =
    (...args: string[]) =>
    () =>
      git(['switch', '--quiet', ...args])
  refuses(switchTo('--create', 'work'), switchTo('main'), /is made on main; this is work/)
  refuses(switchTo('--detach'), switchTo('main'), /is made on main; this is no branch/)
  release(git, request)
  refuses(nothing, nothing, /names no change under Unreleased/, '0.3.0')
})

t.test('the command prints its help, and refuses a wrong command line with 2', async (t) => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, '../release.ts'), ...args], { encoding: 'utf8' })
  t.match(run('--help'), { status: 0, stdout: /--dry-run/ })
  t.match(run(), { status: 2, stderr: /give one version/ })
  t.match(run('--later', '9.0.0'), { status: 2, stderr: /--later/ })
  t.match(run('1.2'), { status: 1, stderr: /^npm run release: / })
})
