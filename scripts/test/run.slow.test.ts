import t, { type Test } from 'tap'
import { type FileResult, lineOf, slowestFiles, summarize } from './results.ts'
import { runTap } from './tap.ts'

// The runner on fixtures, by tap processes of their own.

const mixed = 'scripts/test/fixtures/mixed.fixture.ts'
const ended = 'scripts/test/fixtures/ended.fixture.ts'
const checked = 'scripts/test/fixtures/checked.fixture.ts'
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
  { place: 'its own process', jobs: 4, end: 'ended with exit code 3' },
  { place: 'a group', jobs: 1, end: '> test unfinished' },
]
for (const { place, jobs, end } of runs) {
  t.test(`files in ${place}`, async (t) => {
    // A group takes the shortest file last: `ended`, which ends the process.
    const [failing, first, second, third] = (await run(t, [uncaught, mixed, checked, ended], { jobs })) as [
      FileResult,
      FileResult,
      FileResult,
      FileResult,
    ]

    t.test('a check that fails at the end fails the file, and its process ends', async (t) => {
      t.match(`${failing.failures.map(({ title }) => title).join()}${failing.stderr}`, /the check fails|exit code 1/)
    })

    t.test('a file gets one line with its counts, and its failures and skips again', async (t) => {
      const [lineOfEnded, lineOfMixed] = [first, second].map((result) =>
        lineOf({ ...result, seconds: 1.25, processorSeconds: 0.5, stderr: '' }),
      )
      t.equal(lineOfEnded?.split('\n')[0], `FAILED    1.3 s    0.5 s CPU  ${ended}: 1 passed, 1 failed`)
      t.match(
        lineOfMixed,
        `FAILED    1.3 s    0.5 s CPU  ${mixed}: 1 passed, 1 failed, 2 skipped\n                               seed 42\n✖ ${mixed} > fails > deep`,
      )
      const { text, isGreen } = summarize([first, second], [], { strict: false })
      t.notOk(isGreen)
      t.match(text, `✖ ${ended} ${end}`)
      t.match(text, `✖ ${mixed} > fails > deep > one is two`)
      t.match(text, `- ${mixed} > is skipped: no server here`)
      t.equal(text.split('\n').at(-1), '2 passed, 2 failed, 2 skipped')
    })

    t.test('an error that no test catches fails the file', async (t) => {
      t.match(third.failures.map(({ title }) => title).join(), /thrown later.*not handled/)
    })

    t.test('a skip is a failure in CI unless its reason begins with "platform"', async (t) => {
      const green = { ...second, failures: [] }
      t.ok(summarize([green], [], { strict: false }).isGreen)
      const { text, isGreen } = summarize([green], [], { strict: true })
      t.notOk(isGreen)
      t.match(text, `✖ ${mixed} > is skipped was skipped: no server here`)
      t.equal(text.split('\n').at(-1), '1 passed, 1 failed, 2 skipped')
    })

    t.test('a file has its processor time, and --slowest lists the files with the most', async (t) => {
      // If processes end at the same moment, the first that is read has the time of all.
      const files = jobs === 1 ? [second] : [failing, first, second, third]
      const seconds = files.reduce((sum, { processorSeconds }) => sum + processorSeconds, 0)
      t.ok(seconds > 0 && seconds < 60 * files.length, String(seconds))
      const two = [first, second].map((result, index) => ({ ...result, processorSeconds: index + 1 }))
      t.equal(slowestFiles(two, 1), `     2.0 s CPU  ${mixed}\n     3.0 s CPU  all files`)
    })
  })
}

t.test('--grep runs the tests with that title alone and does not count the others as skipped', async (t) => {
  const [result] = await run(t, [mixed], { grep: 'passes' })
  t.match(result, { passed: 1, failures: [], skipped: [] })
})
