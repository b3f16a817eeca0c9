/** Where files name the version of the product. */
interface Place {
  /** Paths in the repository. */
  files: RegExp
  /** The text before and after the version, as regular expressions; `^` and `$` match at lines. */
  before: string
  after: string
  /** True: a file that does not name the version there stops the release. */
  isRequired?: true
}

const endOfText = '(?![\\w.+-]*\\w)'

const places: Place[] = [
  { files: /(^|\/)package\.json$/, before: '^  "version": "', after: '",$' },
  // The label and the tag of each image.
  {
    files: /^(docker-compose|deploy\/compose\.production)\.yml$/,
    before: '\\$\\{REKEY_VERSION:-',
    after: '\\}',
    isRequired: true,
  },
  { files: /\.md$/, before: 'localhost/rekey/[a-z-]+:', after: endOfText },
  { files: /\.md$/, before: '\\bVERSION=', after: endOfText },
  { files: /\.md$/, before: 'rekey-(client|contracts)-', after: '\\.tgz' },
  // npm run docs writes the same.
  { files: /^docs\/(openapi|asyncapi)\.json$/, before: '^    "version": "', after: '",$', isRequired: true },
  { files: /^docs\/audit\.md$/, before: '"vendor_name": "Rekey",\\n +"version": "', after: '"$', isRequired: true },
  // Versions of the chart and of the services that it installs.
  {
    files: /^deploy\/helm\/[^/]+\/Chart\.yaml$/,
    before: '^(version|appVersion): ["\']?',
    after: '["\']?$',
    isRequired: true,
  },
]

/** True if the file may name the version of the product. */
export const mayNameVersion = (path: string): boolean =>
  path !== 'CHANGELOG.md' && places.some(({ files }) => files.test(path))

/**
 * Replaces the version wherever a file names that of the product.
 *
 * @returns the text; the same text if the file does not name it
 * @throws Error if the file must name the current version and does not: it would stay behind unnoticed
 */
export const replaceVersion = (path: string, text: string, { from, to }: { from: string; to: string }): string =>
  places
    .filter(({ files }) => files.test(path))
    .reduce((result, { before, after, isRequired }) => {
      const replaced = result.replace(
        new RegExp(`(?<=${before})${from.replaceAll('.', '\\.')}(?=${after})`, 'gm'),
        () => to,
      )
      if (isRequired && replaced === result) throw new Error(`${path} does not name the version ${from}`)
      return replaced
    }, text)
