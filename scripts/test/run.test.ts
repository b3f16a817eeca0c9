import t, { type Test } from 'tap'
import { coverageTable } from './coverage.ts'
import { readOptions } from './options.ts'
import { type FileResult, lineOf, summarize } from './results.ts'
import { runTap } from './tap.ts'

const mixed = 'scripts/test/fixtures/mixed.fixture.ts'
const ended = 'scripts/test/fixtures/ended.fixture.ts'
const uncaught = 'scripts/test/fixtures/uncaught.fixture.ts'

// Loading tap twice takes long on a busy machine.
t.setTimeout(150_000)

/** Runs fixtures with the variables of this process but for those of the tap that runs this file. */
const run = async (t: Test, files: string[], options: { grep?: string; jobs?: number } = {}) => {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^_?TAP/.test(name)))
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const results: FileResult[] = []
  await runTap(files, {
    env,
    jobs: 2,
    ...options,
    signal: stop.signal,
    onResult: (result) => void results.push(result),
  })
  return results.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

// tap reports the exit code of a file that ends its own process, and an unfinished test of a file in a group.
const runs = [
  { place: 'its own process', jobs: 2, end: 'ended with exit code 3' },
  { place: 'a group', jobs: 1, end: '> test unfinished' },
]
for (const { place, jobs, end } of runs) {
  t.test(`a file in ${place} gets one line with its counts, and its failures and skips again`, async (t) => {
    const results = await run(t, [mixed, ended], { jobs })
    const [first, second] = results.map((result) => lineOf({ ...result, seconds: 1.25, stderr: '' }))
    t.equal(first?.split('\n')[0], `FAILED    1.3 s  ${ended}: 1 passed, 1 failed`)
    t.match(
      second,
      `FAILED    1.3 s  ${mixed}: 1 passed, 1 failed, 2 skipped\n                  seed 42\n✖ ${mixed} > fails > deep`,
    )

    const { text, isGreen } = summarize(results, [], { strict: false })
    t.notOk(isGreen)
    t.match(text, `✖ ${ended} ${end}`)
    t.match(text, `✖ ${mixed} > fails > deep > one is two`)
    t.match(text, `- ${mixed} > is skipped: no server here`)
    t.equal(text.split('\n').at(-1), '2 passed, 2 failed, 2 skipped')
  })
}

for (const { place, jobs } of runs) {
  t.test(`an error that no test catches fails the file, in ${place}`, async (t) => {
    const results = await run(t, [uncaught, mixed], { jobs })
    const titles = results.find(({ path }) => path === uncaught)?.failures.map(({ title }) => title) ?? []
    t.match(titles.join(), /thrown later.*not handled/)
  })
}

t.test('a skip is a failure in CI unless its reason begins with "platform"', async (t) => {
  const [result] = await run(t, [mixed])
  t.ok(result)
  const green = { ...(result as FileResult), failures: [] }
  t.ok(summarize([green], [], { strict: false }).isGreen)
  const { text, isGreen } = summarize([green], [], { strict: true })
  t.notOk(isGreen)
  t.match(text, `✖ ${mixed} > is skipped was skipped: no server here`)
  t.equal(text.split('\n').at(-1), '1 passed, 1 failed, 2 skipped')
})

t.test('--grep runs the tests with that title alone and does not count the others as skipped', async (t) => {
  const [result] = await run(t, [mixed], { grep: 'passes' })
  t.match(result, { passed: 1, failures: [], skipped: [] })
})

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
    jobs: 6,
    paths: ['services'],
  })
  t.equal(readOptions(['--proofs'], process.cwd()).jobs, 1)
  for (const wrong of [['--nothing'], ['--jobs', '0'], ['--jobs', 'x'], ['--grep', ''], ['--grep']]) {
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
