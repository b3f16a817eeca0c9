import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { coverageTable } from './coverage.ts'
import { findTests } from './files.ts'
import { readOptions } from './options.ts'
import { divideProofs, isSlow, unmeasured } from './proofs.ts'
import { summarize } from './results.ts'

t.test('a file without a result is a failure', async (t) => {
  const { text, isGreen } = summarize([], ['a.test.ts'], { strict: false })
  t.notOk(isGreen)
  t.match(text, '✖ a.test.ts has no result')
})

t.test('options are read, and unknown ones are refused', async (t) => {
  t.match(readOptions(['--grep', 'refused', '--watch', 'services/'], process.cwd()), {
    grep: 'refused',
    watch: true,
    proofs: false,
    jobs: undefined,
    slowest: 0,
    paths: ['services'],
  })
  t.equal(readOptions(['--proofs', '--jobs', '3'], process.cwd()).jobs, 3)
  for (const wrong of [
    ['--nothing'],
    ['--jobs', '0'],
    ['--jobs', 'x'],
    ['--slowest', 'x'],
    ['--grep', ''],
    ['--grep'],
  ]) {
    t.throws(() => readOptions(wrong, process.cwd()), /\n\nnpm test \[-- OPTIONS\]/, wrong.join(' '))
  }
})

t.test('coverage is summed for each folder', async (t) => {
  const figures = (covered: number) => ({ lines: { total: 10, covered }, branches: { total: 4, covered: 1 } })
  const path = (name: string) => `${process.cwd()}/${name}`
  const table = coverageTable({
    total: figures(5),
    [path('services/notifier/src/code/a.ts')]: figures(10),
    [path('services/notifier/src/code/b.ts')]: figures(5),
    [path('packages/platform/src/c.ts')]: figures(0),
  })
  t.match(table, /^packages\/platform\/src\s+0\.0 %\s+25\.0 %$/m)
  t.match(table, /^services\/notifier\/src\/code\s+75\.0 %\s+25\.0 %$/m)
  t.match(table.split('\n').at(-1), /^all\s+50\.0 %\s+25\.0 %$/)
})

t.test(
  'slow tests and proofs run once: tests five at once, a proof alone if it measures, else beside one other',
  async (t) => {
    const root = join(import.meta.dirname, '../..')
    t.same(
      unmeasured.filter((file) => !existsSync(join(root, file))),
      [],
      'each file that is listed exists',
    )
    const timing = 'tests/security/timing.proof.ts'
    const slow = 'scripts/customers.slow.test.ts'
    const [first = '', second = ''] = unmeasured
    t.same(divideProofs([second, slow, timing, first]), [
      { files: [slow], jobs: 5, proofs: false },
      { files: [timing], jobs: 1, proofs: true },
      { files: [first, second], jobs: 2, proofs: true },
    ])
    t.same(divideProofs([timing]), [{ files: [timing], jobs: 1, proofs: true }])
  },
)

t.test('npm test leaves slow tests out unless a path names them', async (t) => {
  t.equal(findTests({ paths: [], proofs: false }).filter(isSlow).length, 0)
  const slow = 'scripts/customers.slow.test.ts'
  t.ok(findTests({ paths: ['scripts'], proofs: false }).includes(slow))
  t.same(findTests({ paths: [slow], proofs: false }), [slow])
  t.ok(findTests({ paths: [], proofs: false, coverage: true }).includes(slow))
  const withProofs = findTests({ paths: [], proofs: true })
  t.ok(withProofs.includes(slow) && withProofs.includes('tests/security/timing.proof.ts'))
  t.notOk(withProofs.includes('scripts/test/run.test.ts'))
  t.throws(() => findTests({ paths: ['docs'], proofs: false }), /^no tests found in docs$/)
})
