import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { type Git, gitIn } from './git.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Compose
const compose = 'services:\n  tools:\n    image: localhost/rekey/tools:${REKEY_VERSION:-0.1.0}\n'
const openapi = '{\n  "openapi": "3.1.1",\n  "info": {\n    "version": "0.1.0",\n    "title": "Rekey"\n  }\n}\n'
export const files: Record<string, string> = {
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
export const createRepository = (t: Test) => {
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

/** The release that the tests make. */
export const request = { version: '0.2.0', date: '2026-11-26' }
