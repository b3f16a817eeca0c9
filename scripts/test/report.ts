const depthOf = (line: string) => line.length - line.trimStart().length

/** Lines of a YAML diagnosis that follow a result, up to its closing `...`. */
const diagnosis = (lines: string[], from: number) => {
  const indent = depthOf(lines[from] ?? '')
  if ((lines[from] ?? '').trim() !== '---') return []
  const end = lines.findIndex((line, index) => index > from && depthOf(line) === indent && line.trim() === '...')
  return lines.slice(from + 1, end).map((line) => line.slice(indent))
}

/** What the tests say beside their assertions: a proof prints its figures. */
export const commentsOf = (tap: string): string =>
  tap
    .split('\n')
    .flatMap((line) => /^\s*# (?!Subtest: |time=|No coverage|\{ total: )(.*)$/.exec(line)?.[1] ?? [])
    .join('\n')

/**
 * A TAP stream as a person reads it in a log: one line a test file, and every failed assertion with its file, its test
 * and its diagnosis. A parent that failed because of its children is not told again.
 */
export const report = (tap: string): string => {
  const lines = tap.split('\n')
  const path: { depth: number; name: string }[] = []
  const failures: string[] = []
  const files: string[] = []
  for (const [index, line] of lines.entries()) {
    const depth = depthOf(line)
    const subtest = /^# Subtest: (.*)$/.exec(line.trim())?.[1]
    if (subtest !== undefined) {
      while ((path.at(-1)?.depth ?? -1) >= depth) path.pop()
      path.push({ depth, name: subtest })
      continue
    }
    const result = /^(not ok|ok) \d+ - (.*)$/.exec(line.trim())
    if (!result || /# (SKIP|TODO)/i.test(line)) continue
    const [, verdict, name] = result
    if (depth === 0) files.push(`${verdict === 'ok' ? 'ok    ' : 'FAILED'} ${name?.replace(' # time=', '  ')}`)
    const closes = path.some((parent) => name?.startsWith(parent.name))
    const details = diagnosis(lines, index + 1)
    const hasFailedAlone = depth === 0 && !failures.some((failure) => failure.includes(name?.split(' # ')[0] ?? ''))
    if (verdict === 'not ok' && (!closes || hasFailedAlone)) {
      const parents = path.filter((parent) => parent.depth <= depth && !name?.startsWith(parent.name))
      failures.push(['', `✖ ${[...parents.map((parent) => parent.name), name].join(' > ')}`, ...details].join('\n'))
    }
  }
  return [...files, ...failures].join('\n')
}
