import fc from 'fast-check'
import t from 'tap'
import { releaseChangelog } from './changelog.ts'

const to = { version: '1.2.0', tag: 'v1.2.0', date: '2026-11-26' }
const older = '## [1.1.0] - 2026-01-02\n\n### Fixed\n\n- An older change.\n'

const line = fc.constantFrom('', '### Added', '### Fixed', '- A change.', '  More of it.', '1. To do', 'Words. ')
const section = fc.array(line, { maxLength: 8 }).map((lines) => lines.map((text) => `${text}\n`).join(''))
const links = fc.constantFrom('', '\n[Unreleased]: https://forge.example/rekey/compare/v1.1.0...HEAD\n')

t.test('Unreleased becomes the section of the version, word for word; all else stays', async () => {
  fc.assert(
    fc.property(section, links, fc.boolean(), (changes, link, hasOlder) => {
      const rest = `${hasOlder ? older : ''}${link}`
      const text = `# Changelog\n\n## [Unreleased]\n\n${changes}\n- The last change.\n\n${rest}`
      const dated = releaseChangelog(text, to)
      const expected = `# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-26\n\n${changes}\n- The last change.\n\n`
      const expectedLinks =
        link &&
        '\n[Unreleased]: https://forge.example/rekey/compare/v1.2.0...HEAD\n' +
          '[1.2.0]: https://forge.example/rekey/compare/v1.1.0...v1.2.0\n'
      return dated === `${expected}${hasOlder ? older : ''}${expectedLinks}`
    }),
  )
})

t.test('a section without a change is refused, whatever headings it has', async (t) => {
  const headings = fc.array(fc.constantFrom('', '  ', '### Added', '### Security'), { maxLength: 5 })
  fc.assert(
    fc.property(headings, links, fc.boolean(), (lines, link, hasOlder) => {
      const text = `# Changelog\n\n## [Unreleased]\n${lines.join('\n')}\n${hasOlder ? older : ''}${link}`
      try {
        releaseChangelog(text, to)
        return false
      } catch (error) {
        return /names no change under Unreleased/.test((error as Error).message)
      }
    }),
  )
  // The section that a release leaves is empty: the next release without a change is refused.
  const released = releaseChangelog(`## [Unreleased]\n\n- A change.\n\n${older}`, to)
  t.throws(() => releaseChangelog(released, { ...to, version: '1.3.0' }), /names no change/)
})

t.test('a change log without the section, or with one of the version, is refused', async (t) => {
  t.throws(() => releaseChangelog(older, to), /has no section ## \[Unreleased\]/)
  t.throws(() => releaseChangelog(`${older}\nSee ## [Unreleased].\n`, to), /has no section/)
  t.throws(() => releaseChangelog(`## [Unreleased]\n\n- A change.\n\n${older}`, { ...to, version: '1.1.0' }), /already/)
})
