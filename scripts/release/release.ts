import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { releaseChangelog } from './changelog.ts'
import type { Git } from './git.ts'
import { mayNameVersion, replaceVersion } from './places.ts'
import { checkVersion, tagOf } from './version.ts'

interface Request {
  version: string
  /** Date of the release, YYYY-MM-DD. */
  date: string
  /** Changes no branch, tag or file. */
  dryRun?: boolean
}

interface Release {
  tag: string
  /** Subject of the commit. */
  subject: string
  /** The changes of the commit, as a patch. */
  diff: string
}

const branch = 'main'

/** @throws Error unless the repository can be released: on main, with no change that is not committed, without the tag */
const checkRepository = (git: Git, tag: string) => {
  const current = git(['branch', '--show-current']).trim()
  if (current !== branch) throw new Error(`a release is made on ${branch}; this is ${current || 'no branch'}`)
  const changes = git(['status', '--porcelain']).trimEnd()
  if (changes !== '') throw new Error(`commit, stash or remove these changes first:\n${changes}`)
  if (git(['tag', '--list', tag]).trim() !== '') throw new Error(`the tag ${tag} exists`)
}

/** The files that the release changes, with their new texts. */
const changedFiles = (git: Git, head: string, { version, date }: Request): Map<string, string> => {
  const read = (path: string) => git(['show', `${head}:${path}`])
  const { version: from } = JSON.parse(read('package.json')) as { version: string }
  checkVersion(version, from)
  const changed = new Map([
    ['CHANGELOG.md', releaseChangelog(read('CHANGELOG.md'), { version, tag: tagOf(version), date })],
  ])
  for (const path of git(['ls-tree', '-r', '--name-only', '-z', head]).split('\0').filter(mayNameVersion)) {
    const text = read(path)
    const replaced = replaceVersion(path, text, { from, to: version })
    if (replaced !== text) changed.set(path, replaced)
  }
  return changed
}

/** Writes the tree of a commit with changed files into the object store. No branch, index or file changes. */
const writeTree = (git: Git, head: string, files: Map<string, string>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-release-'))
  const env = { GIT_INDEX_FILE: join(folder, 'index') }
  try {
    git(['read-tree', head], { env })
    const entries = git(['ls-tree', '-z', head, '--', ...files.keys()])
      .split('\0')
      .filter(Boolean)
    const changes = entries.map((entry) => {
      const [info = '', path = ''] = entry.split('\t')
      const blob = git(['hash-object', '-w', '--stdin'], { input: files.get(path) ?? '' }).trim()
      return `${info.split(' ')[0]} ${blob}\t${path}\0`
    })
    git(['update-index', '-z', '--index-info'], { env, input: changes.join('') })
    return git(['write-tree'], { env }).trim()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const writeCommit = (git: Git, { head, tree, subject }: { head: string; tree: string; subject: string }) => {
  // Unlike `git commit`, this command does not read the setting.
  const isSigned = git(['config', '--type=bool', '--default=false', '--get', 'commit.gpgsign']).trim() === 'true'
  return git(['commit-tree', tree, '-p', head, '-m', subject, ...(isSigned ? ['-S'] : [])]).trim()
}

/** Takes back what a failed release may have done. */
const undo = (git: Git, { tag, commit, head }: { tag: string; commit: string; head: string }) => {
  // `--keep` refuses rather than lose a change that somebody makes meanwhile.
  if (git(['rev-parse', 'HEAD']).trim() === commit) git(['reset', '--keep', head])
  const target = git(['for-each-ref', '--format=%(*objectname)', `refs/tags/${tag}`]).trim()
  if (target === commit) git(['tag', '--delete', tag])
}

/**
 * Makes a release: one commit with the version in every place that names it and the dated section of the change log, and
 * its annotated tag. Both are made as objects first. The last step moves main and the files to them, or fails and moves
 * nothing: a release is whole, or there is none.
 *
 * @throws Error if the repository, the version or the change log is not fit, or if git fails
 */
export const release = (git: Git, request: Request): Release => {
  const { version, dryRun = false } = request
  const tag = tagOf(version)
  checkRepository(git, tag)
  const head = git(['rev-parse', 'HEAD']).trim()
  const subject = `release: ${version}`
  const tree = writeTree(git, head, changedFiles(git, head, request))
  const result = { tag, subject, diff: git(['diff', head, tree]) }
  if (dryRun) return result
  const commit = writeCommit(git, { head, tree, subject })
  try {
    git(['tag', '--annotate', '--message', `Rekey ${version}`, tag, commit])
    git(['merge', '--ff-only', '--quiet', commit])
  } catch (error) {
    undo(git, { tag, commit, head })
    throw error
  }
  return result
}
