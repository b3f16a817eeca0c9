import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type SecurityLine, securityLines } from './security-lines.ts'

/** A test that proves security lines: those whose numbers its title begins with. */
export interface Proof {
  numbers: string[]
  title: string
  file: string
}

/** A quoted title, the first argument of a test: `t.test('S3 a code …'`. */
const titled = /\btest\(\s*(['"`])(S\d+[\s\S]*?)(?<!\\)\1/g
const numbersOf = (title: string): string[] => /^(?:S\d+[ :,]+)+/.exec(title)?.[0].match(/S\d+/g) ?? []

/** The tests of one file that prove security lines. */
export const proofsIn = (file: string, text: string): Proof[] =>
  Array.from(text.matchAll(titled), ([, , title = '']) => title)
    .filter((title) => numbersOf(title).length > 0)
    .map((title) => ({ numbers: numbersOf(title), title: title.replaceAll(/\\(.)/g, '$1'), file }))

const folders = '{services,packages,scripts,deploy,tests}'
/** Its titles are examples of titles. */
const ownTest = join('scripts', 'docs', 'security.test.ts')
const read = (root: string): Proof[] =>
  globSync(`${folders}/**/*.{test,proof}.ts`, { cwd: root, exclude: (path) => path.includes('node_modules') })
    .filter((file) => file !== ownTest)
    .toSorted()
    .flatMap((file) => proofsIn(file, readFileSync(join(root, file), 'utf8')))

/** What is wrong between lines and tests: a line without a test, a test of a line that there is not. */
export const faultsOf = (lines: SecurityLine[], proofs: Proof[]): string[] => {
  const known = new Set(lines.map(({ number }) => number))
  const proven = new Set(proofs.flatMap(({ numbers }) => numbers))
  return [
    ...lines.filter(({ number }) => !proven.has(number)).map(({ number }) => `${number} has no test`),
    ...proofs.flatMap(({ numbers, file, title }) =>
      numbers.filter((number) => !known.has(number)).map((number) => `${file}: there is no ${number}: ${title}`),
    ),
  ]
}

const link = (file: string) => `[${file.replaceAll('_', '\\_')}](../${file})`
/** What a template fills in is told by its name. */
const filled = (title: string) => title.replaceAll(/\$\{([^}]+)\}/g, '*$1*')
const cell = (text: string) => text.replaceAll('|', '\\|')

/** docs/security.md */
export const render = (sections: Record<string, SecurityLine[]>, proofs: Proof[]): string => {
  const testsOf = (number: string) => proofs.filter(({ numbers }) => numbers.includes(number))
  const filesOf = (number: string) => [...new Set(testsOf(number).map(({ file }) => file))]
  const row = ({ number, text }: SecurityLine) =>
    `| [${number}](#${number.toLowerCase()}) | ${cell(text)} | ${testsOf(number).length} in ${filesOf(number).length} |`
  const titles = (number: string, file: string) =>
    testsOf(number)
      .filter((proof) => proof.file === file)
      .map(({ title }) => `  - ${filled(title)}`)
  const details = ({ number }: SecurityLine) => [
    `### ${number}`,
    '',
    ...filesOf(number).flatMap((file) => [`- ${link(file)}`, ...titles(number, file)]),
    '',
  ]
  return [
    '# What must hold, and which tests show it',
    '',
    'Made by `npm run docs` from the lines in `scripts/docs/security-lines.ts` and the titles of all tests; `npm run',
    'check` fails when a line has none. Sources in brackets: ASVS 5.0.0, NIST SP 800-63B-4 (§), RFCs, OWASP cheat sheets',
    '(CS).',
    '',
    ...Object.entries(sections).flatMap(([section, lines]) => [
      `## ${section}`,
      '',
      '| line | what must hold | tests in files |',
      '| --- | --- | --- |',
      ...lines.map(row),
      '',
    ]),
    '## The tests',
    '',
    ...Object.values(sections).flat().flatMap(details),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n')
}

export const securityDocument = (root: string): string => render(securityLines, read(root))

/** Each fault as a line. */
export const checkSecurityLines = (root: string): string[] => faultsOf(Object.values(securityLines).flat(), read(root))
