import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { type Git, gitIn } from './git.ts'
import { release } from './release.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Compose
const compose = 'services:\n  tools:\n    image: localhost/rekey/tools:${REKEY_VERSION:-0.1.0}\n'
const openapi = '{\n  "openapi": "3.1.1",\n  "info": {\n    "version": "0.1.0",\n    "title": "Rekey"\n  }\n}\n'
const files: Record<string, string> = {
  'package.json': '{\n  "name": "rekey",\n  "version": "0.1.0",\n  "private": true\n}\n',
  'packages/client/package.json': '{\n  "name": "@rekey/client",\n  "private": true\n}\n',
  'CHANGELOG.md':
    '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A change.\n\n## [0.1.0] - 2026-11-22\n\n- The first.\n',
  'docker-compose.yml': compose,
  'docs/openapi.json': openapi,
  'docs/integrate.md': 'Install `dist/rekey-client-0.1.0.tgz`.\n',
  'README.md': 'Rekey.\n',
}

/** A repository on main with one commit. It reads no settings of the machine. */
const createRepository = (t: Test) => {
  const root = mkdtempSync(join(tmpdir(), 'rekey-release-test-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const own = gitIn(root)
  const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }
  const git: Git = (args, options = {}) => own(args, { ...options, env: { ...env, ...options.env } })
  git(['init', '--quiet', '--initial-branch', 'main'])
  git(['config', 'user.name', 'Release'])
  git(['config', 'user.email', 'release@bank.example'])
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  git(['add', '--all'])
  git(['commit', '--quiet', '--message', 'all: begin'])
  const read = (path: string) => readFileSync(join(root, path), 'utf8')
  const state = () => ({
    head: git(['rev-parse', 'HEAD']),
    branch: git(['branch', '--show-current']),
    tags: git(['tag', '--list']),
    status: git(['status', '--porcelain']),
    files: Object.fromEntries(Object.keys(files).map((path) => [path, read(path)])),
  })
  return { root, git, read, state }
}

const request = { version: '0.2.0', date: '2026-11-26' }

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

t.test('whichever step fails, nothing is left of the release', async (t) => {
  const { git, state } = createRepository(t)
  const before = state()
  /** Fails at one call of git. @returns the number of calls if the release was made */
  const releaseFailingAt = (failing: number, isAfterItsWork = false): number | undefined => {
    let calls = 0
    const failingGit: Git = (args, options) => {
      calls += 1
      if (calls === failing && !isAfterItsWork) throw new Error('failed')
      const output = git(args, options)
      if (calls === failing) throw new Error('failed')
      return output
    }
    try {
      release(failingGit, request)
      return calls
    } catch (error) {
      if ((error as Error).message !== 'failed') throw error
      return undefined
    }
  }
  let failing = 1
  for (; releaseFailingAt(failing) === undefined; failing += 1) t.same(state(), before, `before call ${failing}`)
  t.ok(failing > 15, `${failing - 1} calls`)
  git(['reset', '--quiet', '--hard', before.head.trim()])
  git(['tag', '--delete', 'v0.2.0'])
  // Failing after a call is failing before the next one, but for the last.
  t.equal(releaseFailingAt(failing - 1, true), undefined)
  t.same(state(), before, 'after the last call')
})

t.test('the command prints its help, and refuses a wrong command line with 2', async (t) => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, '../release.ts'), ...args], { encoding: 'utf8' })
  t.match(run('--help'), { status: 0, stdout: /--dry-run/ })
  t.match(run(), { status: 2, stderr: /give one version/ })
  t.match(run('--later', '9.0.0'), { status: 2, stderr: /--later/ })
  t.match(run('1.2'), { status: 1, stderr: /^npm run release: / })
})
