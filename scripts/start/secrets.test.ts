import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'tap'

const root = resolve(import.meta.dirname, '../..')

test('S36: git and images ignore the files that the sandbox creates', async (t) => {
  const linesOf = (file: string) => readFileSync(join(root, file), 'utf8').split('\n')
  t.ok(linesOf('.gitignore').includes('.rekey/'))
  const [first, ...others] = linesOf('.dockerignore').filter((line) => line !== '' && !line.startsWith('#'))
  t.equal(first, '*', 'an image gets only what is named')
  t.same(
    others.filter((line) => /^!(\.|\*|.*rekey)/.test(line)),
    [],
  )
})

/** Keys as they are written to files: ours in base64url after their variable, JWKs, NKey seeds, PEM. */
const key = /\bREKEY_\w+=[\w-]{43}\b|"d": ?"[\w-]{43}"|\bSU[A-Z2-7]{56}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----\n\w/

test('S36: the repository contains no key', {
  skip: !existsSync(join(root, '.git')) && 'there is no git',
}, async (t) => {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 24 }).split(
    '\0',
  )
  const paths = tracked.filter((path) => path && statSync(join(root, path), { throwIfNoEntry: false })?.isFile())
  t.ok(paths.length > 100)
  t.same(
    paths.filter((path) => key.test(readFileSync(join(root, path), 'utf8'))),
    [],
  )
})
