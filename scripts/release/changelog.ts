const unreleased = '## [Unreleased]'

/** The section of a heading, without it: up to the next release, the links at the end, or the end. */
const sectionAfter = (text: string, heading: string) => {
  const begin = text.indexOf(heading) + heading.length
  const rest = text.slice(begin)
  const end = /^(## |\[[^\]]+\]: )/m.exec(rest)?.index ?? rest.length
  return { begin, end: begin + end, text: rest.slice(0, end) }
}

/**
 * `[Unreleased]: …/compare/v1.0.0...HEAD` becomes the link of the new version, before which stands one of what follows.
 * A change log without that link has none for the others either.
 */
const addLink = (text: string, version: string, tag: string) =>
  text.replace(
    /^\[unreleased\]: (\S+\/compare\/)(\S+?)(\.{2,3})HEAD[ \t]*$/im,
    (_, compare: string, before: string, dots: string) =>
      `[Unreleased]: ${compare}${tag}${dots}HEAD\n[${version}]: ${compare}${before}${dots}${tag}`,
  )

/**
 * Makes *Unreleased* the section of a version, and begins a new one (Keep a Changelog 1.1.0).
 *
 * @param date of the release, YYYY-MM-DD
 * @throws Error if there is no such section, if it names no change, or if the version has a section already
 */
export const releaseChangelog = (
  text: string,
  { version, tag, date }: { version: string; tag: string; date: string },
) => {
  if (!/^## \[Unreleased\][ \t]*$/m.test(text)) {
    throw new Error(`CHANGELOG.md has no section ${unreleased}`)
  }
  if (text.includes(`\n## [${version}]`)) throw new Error(`CHANGELOG.md has a section of ${version} already`)
  const section = sectionAfter(text, unreleased)
  const changes = section.text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  if (changes.length === 0)
    throw new Error('CHANGELOG.md names no change under Unreleased: write what this version changes')
  const dated = `${text.slice(0, section.begin)}\n\n## [${version}] - ${date}${text.slice(section.begin)}`
  return addLink(dated, version, tag)
}
