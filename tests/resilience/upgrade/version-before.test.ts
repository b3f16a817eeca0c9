import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Git, gitIn } from '../../../scripts/release/git.ts'
import { findVersionBefore } from './version-before.ts'

const root = mkdtempSync(join(tmpdir(), 'rekey-version-before-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
const own = gitIn(root)
const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }
const git: Git = (args, options = {}) => own(args, { ...options, env })
git(['init', '--quiet', '--initial-branch', 'main'])
git(['config', 'user.name', 'Release'])
git(['config', 'user.email', 'release@bank.example'])

/** @returns the commit */
const commit = (path: string) => {
  mkdirSync(join(root, 'prisma/migrations'), { recursive: true })
  writeFileSync(join(root, path), '')
  git(['add', '--all'])
  git(['commit', '--quiet', '--message', path])
  return git(['rev-parse', 'HEAD']).trim()
}

const first = commit('first')
commit('prisma/migrations/one.sql')
commit('later')

t.test('without a release, N−1 is the commit before the newest migration; in CI the proof is skipped', async (t) => {
  t.match(findVersionBefore({}, git), { commit: first, reason: /no release tag/ })
  t.match(findVersionBefore({ CI: 'true' }, git), /^platform: no release tag/)
})

t.test('REKEY_UPGRADE_FROM names N−1, also in CI; what is no commit is refused', async (t) => {
  for (const CI of ['true', undefined]) {
    t.match(findVersionBefore({ REKEY_UPGRADE_FROM: 'main~1', CI }, git), { reason: 'REKEY_UPGRADE_FROM' })
  }
  t.throws(() => findVersionBefore({ REKEY_UPGRADE_FROM: 'v9.9.9' }, git), /git rev-parse failed/)
})

t.test('N−1 is the last release, which is the one before while the sources are a release themselves', async (t) => {
  const released = git(['rev-parse', 'HEAD']).trim()
  git(['tag', '--annotate', '--message', 'one', 'v1.0.0'])
  git(['tag', 'of-something-else'])
  t.match(findVersionBefore({ CI: 'true' }, git), /^platform: /, 'a release does not run beside itself')
  commit('after')
  t.match(findVersionBefore({ CI: 'true' }, git), { commit: released, reason: 'the last release, v1.0.0' })
  commit('next')
  git(['tag', '--annotate', '--message', 'two', 'v1.1.0'])
  t.match(findVersionBefore({}, git), { commit: released, reason: 'the last release, v1.0.0' })
})
