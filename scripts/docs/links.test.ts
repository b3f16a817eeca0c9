import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { anchorsOf, brokenLinks } from './links.ts'

const root = resolve(import.meta.dirname, '../..')
const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: root })
  .toString()
  .split('\n')
  .filter((path) => path !== '')

t.test('every link of every page leads to a file, and to a heading if it names one', async (t) => {
  t.ok(pages.includes('README.md') && pages.includes('docs/operations.md'))
  t.same(
    pages.flatMap((path) => brokenLinks(root, path)),
    [],
  )
})

t.test('headings have the anchors of GitHub', async (t) => {
  const page =
    '# Someone says "I got no code"\n## `/readyz` and A 503\n```\n# no heading\n```\n## Same\n## Same\n<a id="own"></a>\n'
  t.same([...anchorsOf(page)], ['someone-says-i-got-no-code', 'readyz-and-a-503', 'same', 'same-1', 'own'])
})

t.test('a link to a missing file or heading, and one out of the repository, is found', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-links-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  writeFileSync(join(dir, 'other.md'), '# There\n')
  const links = ['other.md', 'other.md#there', '#here', 'https://example.com/#x']
  const broken = ['none.md', 'other.md#nowhere', '#nowhere', '../outside.md']
  const text = [...links, ...broken].map((target) => `[a](${target})`).join('\n')
  writeFileSync(join(dir, 'page.md'), `# Here\n${text}\n\`[a](code.md)\`\n`)
  const found = brokenLinks(dir, 'page.md')
  t.same(
    found.map((sentence) => /links to (\S+): /.exec(sentence)?.[1]),
    broken,
  )
})
