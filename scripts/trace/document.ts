/** The tree of docs/traces.md. */
const block = /(<!-- tree -->\n```text\n)([\s\S]*?)(```\n<!-- \/tree -->)/

/** Replaces the tree of a document. @throws Error if it has none */
export const replaceTree = (document: string, lines: readonly string[]): string => {
  if (!block.test(document)) throw new Error('the document has no tree: <!-- tree --> … <!-- /tree -->')
  return document.replace(
    block,
    (_, begin: string, _old: string, end: string) => `${begin}${lines.join('\n').trimEnd()}\n${end}`,
  )
}

/** The tree of a document. */
export const readTree = (document: string): string => block.exec(document)?.[2] ?? ''

const line = /^ *\+[\d.]+ ms +[\d.]+ ms {2}(.{17}) ((?:[│├└ ][─ ] )*)(.*)$/

/**
 * Each span of printed traces as the names from its first one on, with their services, without times and order. Spans of
 * the same names are one.
 */
export const pathsOf = (lines: readonly string[]): string[] => {
  const path: string[] = []
  const paths = lines.flatMap((text) => {
    const [, service = '', branch = '', name = ''] = line.exec(text) ?? []
    if (name === '') return []
    path.splice(branch.length / 3, Number.POSITIVE_INFINITY, `${service.trim()} ${name}`)
    return [path.join(' > ')]
  })
  return [...new Set(paths)].toSorted()
}
