import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { noBrowser } from '@rekey/test-support/browser'
import t from 'tap'
import { stories } from './stories.ts'

// Times, codes and words of the pictures differ from run to run: their bytes are not compared.

t.setTimeout(1_200_000)
const root = resolve(import.meta.dirname, '../..')
const largestBytes = 60 * 1_024
const allBytes = 1_024 * 1_024

/** The page, the pictures that it names, and those that there are. */
const readScreens = (docs: string) => {
  const page = readFileSync(join(docs, 'screens.md'), 'utf8')
  const named = [...page.matchAll(/\]\(screens\/([^)]+)\)/g)].map(([, file = '']) => file)
  return { page, named, files: readdirSync(join(docs, 'screens')).toSorted() }
}

t.test('npm run screens plays each story to its end, and writes what docs/ shows', { skip: noBrowser }, async (t) => {
  const docs = mkdtempSync(join(tmpdir(), 'rekey-screens-proof-'))
  t.teardown(() => rmSync(docs, { recursive: true, force: true }))
  await promisify(execFile)(process.execPath, [join(root, 'scripts/screens.ts'), '--out', docs], { cwd: root })

  const made = readScreens(docs)
  t.same(made.named, made.files, 'the page names exactly the pictures that there are')
  for (const { title } of stories) t.ok(made.page.includes(`. ${title}\n`), title)
  const kept = readScreens(join(root, 'docs'))
  t.same(kept.named, kept.files, 'and so does the page in docs/')
  t.equal(made.page, kept.page, 'each story reached its last step, and docs/screens.md is of this version')

  const sizes = kept.files.map((file) => statSync(join(root, 'docs/screens', file)).size)
  t.ok(Math.max(...sizes) <= largestBytes, 'no picture has more than 60 KiB')
  t.ok(sizes.reduce((sum, size) => sum + size, 0) <= allBytes, 'all of them have 1 MiB at most')
})
