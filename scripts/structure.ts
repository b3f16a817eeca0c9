import { execFileSync } from 'node:child_process'
import { dirname, join, resolve } from 'node:path'

// npm run structure [-- COMMIT]: figures of the structure, of the files that are checked out or of a commit, so that two
// commits can be compared.

const root = resolve(import.meta.dirname, '..')
const [commit] = process.argv.slice(2)

/** Lines `path:rest` of `git grep`; none if nothing matches. */
const grep = (option: string, pattern: string, paths: string[]): [path: string, rest: string][] => {
  const args = ['grep', option, '-E', pattern, ...(commit ? [commit] : []), '--', ...paths]
  try {
    const output = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
    const lines = output.trimEnd().split('\n')
    return lines.map((line) => {
      const text = commit ? line.slice(commit.length + 1) : line
      const end = text.indexOf(':')
      return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)]
    })
  } catch (error) {
    // The exit code of a search that finds nothing.
    if ((error as { status?: number }).status === 1) return []
    throw error
  }
}
const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0)
const countOf = (pattern: string, paths: string[]) => sum(grep('-c', pattern, paths).map(([, count]) => Number(count)))

const isTest = (path: string) => /\.(test|proof|fixture)\.ts$|^(tests|attacks|faults|examples)\//.test(path)
const isSource = (path: string) => /^(services|packages)\/[^/]+\/src\//.test(path) && !isTest(path)
const files = grep('-c', '', ['*.ts', '*.lua', '*.mjs']).map(([path, lines]) => ({ path, lines: Number(lines) }))

/** The folders that import one another in a circle, types included. A folder and one below it are no circle. */
const foldersInCircles = () => {
  const imports = new Map<string, Set<string>>()
  for (const [path, line] of grep('-I', "from '\\.[^']*'", ['*.ts'])) {
    const [, target] = /from '(\.[^']*)'/.exec(line) ?? []
    if (!isSource(path) || !target) continue
    const [from, to] = [dirname(path), dirname(join(dirname(path), target))]
    const isNested = `${from}/`.startsWith(`${to}/`) || `${to}/`.startsWith(`${from}/`)
    if (!isNested) imports.set(from, (imports.get(from) ?? new Set()).add(to))
  }
  const reaches = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of imports.get(from) ?? []) if (!seen.has(to)) reaches(to, seen.add(to))
    return seen
  }
  return [...imports.keys()].filter((folder) => reaches(folder).has(folder)).toSorted()
}

const print = (name: string, value: string | number) => console.log(`${name.padEnd(44)} ${value}`)
const group = (name: string, wanted: (path: string) => boolean) => {
  const found = files.filter(({ path }) => wanted(path))
  print(`${name}: files`, found.length)
  print(`${name}: lines`, sum(found.map(({ lines }) => lines)))
  const [longest] = found.toSorted((one, other) => other.lines - one.lines)
  print(`${name}: longest file`, `${longest?.lines} ${longest?.path}`)
  print(`${name}: files over 250 lines`, found.filter(({ lines }) => lines > 250).length)
}

group('services and packages', isSource)
group('tests', isTest)
group('everything', () => true)
for (const { path, lines } of files) if (/^services\/[^/]+\/src\/app\.ts$/.test(path)) print(path, lines)
print(
  'FOR UPDATE',
  countOf('FOR (NO KEY )?UPDATE', ['services/**/*.ts', ':!*.test.ts', ':!*.proof.ts', ':!*.fixture.ts']),
)
// Services only read the variable, and the tests in deploy/ give it values that are wrong.
const wiring = ['*.ts', '*.yml', ':!services/', ':!deploy/*.test.ts']
print('files that wire the topology', grep('-l', 'REKEY_PASSWORD_SERVICE_URL[:=]', wiring).length)
print(
  'assertions',
  countOf('\\bt\\.(ok|notOk|equal|not|same|notSame|match|notMatch|has|throws|rejects|resolves|fail|pass|type)\\(', [
    '*.ts',
  ]),
)
const circles = foldersInCircles()
print('folders in a circle', circles.length)
for (const folder of circles) console.log(`  ${folder}`)
