import type { FileResult } from './results.ts'

// tap's reporter for this repository: sends each file's result to the parent process as the file ends. tap takes it for
// a React component, because only a component gets the running tests; it renders nothing.

/** One assertion, as tap's parser emits it. */
interface Result {
  fullname: string
  diag: Record<string, unknown> | null
  skip: string | boolean
}

interface Emitter {
  on(event: string, listener: (value: never) => void): void
}

/** A test file that tap runs in a process of its own. */
interface FileRun extends Emitter {
  name: string
  parser: Emitter & { ok: boolean }
  /** Milliseconds. */
  time: number
  counts: { pass: number }
  lists: { fail: Result[]; skip: Result[]; todo: Result[] }
  options: { exitCode?: number | null; signal?: string | null; skip?: string | boolean }
}

interface Printed {
  comments: string[]
  stderr: string
}

/** Comments that tap itself writes. */
const ofTap = /^# (Subtest(: |$)|time=|timeout=|No coverage|\{ total: |(passed|failed|skip|todo)\b)/

const collectComments = (parser: Emitter, comments: string[]) => {
  parser.on('comment', (text: string) => {
    if (!ofTap.test(text)) comments.push(text.replace(/^# /, '').trimEnd())
  })
  parser.on('child', (child: Emitter) => collectComments(child, comments))
}

const collectPrinted = (file: FileRun): Printed => {
  const printed: Printed = { comments: [], stderr: '' }
  collectComments(file.parser, printed.comments)
  file.on('process', (child: { stderr: Emitter | null }) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      printed.stderr += chunk
    })
  })
  return printed
}

const skipsOf = ({ name, lists, options }: FileRun): FileResult['skipped'] => [
  ...(options.skip ? [{ title: name, reason: String(options.skip) }] : []),
  ...[...lists.skip, ...lists.todo].map(({ fullname, skip }) => ({
    title: fullname,
    reason: typeof skip === 'string' ? skip : '',
  })),
]

const failuresOf = ({ name, lists, options, parser }: FileRun): FileResult['failures'] => {
  const failures = lists.fail.map(({ fullname, diag }) => ({ title: fullname, diagnosis: diag }))
  if (failures.length || parser.ok) return failures
  return [{ title: `${name} ended with ${options.signal ?? `exit code ${options.exitCode}`}`, diagnosis: null }]
}

const resultOf = (file: FileRun, printed: Printed): FileResult => ({
  path: file.name,
  seconds: file.time / 1_000,
  passed: file.counts.pass,
  failures: failuresOf(file),
  skipped: skipsOf(file),
  ...printed,
})

/**
 * tap records each module that a test and its child processes load. Only coverage needs that, and it takes a third of
 * their start: this variable names the modules to leave out. tap itself sets it before it loads this file.
 */
const recordNoModules = () => {
  if (process.env.TAP_DISABLE_COVERAGE === '1') process.env._TAPJS_PROCESSINFO_EXCLUDE_ = '/./'
}

let isListening = false

const reporter = ({ test }: { test: Emitter }) => {
  // React may render a component more than once.
  if (isListening) return null
  isListening = true
  recordNoModules()
  const running = new Map<FileRun, Printed>()
  test.on('subtestStart', (file: FileRun) => void running.set(file, collectPrinted(file)))
  test.on('subtestEnd', (file: FileRun) => {
    const printed = running.get(file)
    if (printed) process.send?.({ fileResult: resultOf(file, printed) })
  })
  return null
}

export default reporter
