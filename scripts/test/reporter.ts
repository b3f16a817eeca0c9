import { processorSeconds } from './processor-time.ts'
import { type FileResult, groupName, processorTimeComment } from './results.ts'

// tap's reporter for this repository: sends each file's result to the parent process as the file ends. tap takes it for
// a React component, because only a component gets the running tests; it renders nothing.

/** One assertion, as tap's parser emits it. */
interface Result {
  fullname: string
  diag: Record<string, unknown> | null
  skip: string | boolean
  todo: string | boolean
  ok: boolean
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

let countedSeconds = 0

/**
 * Processor time of the file that has just ended: its process is a child of this one. If another one has ended since then,
 * its time is included.
 */
const secondsOfEndedFile = () => {
  const before = countedSeconds
  countedSeconds = processorSeconds('children')
  return countedSeconds - before
}

const resultOf = (file: FileRun, printed: Printed): FileResult => ({
  path: file.name,
  seconds: file.time / 1_000,
  processorSeconds: secondsOfEndedFile(),
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

/** @returns sends the result of a file that has a process of its own */
const reportFile = (file: FileRun) => {
  const printed = collectPrinted(file)
  return (): void => void process.send?.({ fileResult: resultOf(file, printed) })
}

interface FileParser extends Emitter {
  name: string
}

const emptyResult = (path: string): FileResult => ({
  path,
  seconds: 0,
  processorSeconds: 0,
  passed: 0,
  failures: [],
  skipped: [],
  comments: [],
  stderr: '',
})

const addResult = (file: FileResult, { fullname, diag, skip, todo, ok }: Result) => {
  // Without the name of the group's own file. A failure after the end of the file's tests does not name the file.
  const start = fullname.indexOf(file.path)
  const title = start === -1 ? `${file.path} > ${fullname}` : fullname.slice(start)
  if (skip || todo) file.skipped.push({ title, reason: typeof skip === 'string' ? skip : '' })
  else if (ok) file.passed += 1
  else file.failures.push({ title, diagnosis: diag })
}

/** Sends the result of each file of a group as the file ends, and what of the process belongs to no file. */
const reportGroup = (group: FileRun) => {
  let file: FileResult | undefined
  let startedMs = 0
  const send = () => {
    if (file) process.send?.({ fileResult: file })
    file = undefined
  }
  group.parser.on('child', (parser: FileParser) => {
    file = emptyResult(parser.name)
    startedMs = performance.now()
    collectComments(parser, file.comments)
    parser.on('complete', () => {
      if (file) file.seconds = (performance.now() - startedMs) / 1_000
    })
  })
  group.parser.on('comment', (text: string) => {
    const [, seconds] = text.split(`# ${processorTimeComment}`)
    if (seconds === undefined) return
    if (file) file.processorSeconds = Number(seconds)
    send()
  })
  group.parser.on('result', (result: Result) => {
    if (file) addResult(file, result)
  })
  group.on('process', (child: { stderr: Emitter | null }) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      if (file) file.stderr += chunk
    })
  })
  return (): void => {
    const { exitCode, signal } = group.options
    if (group.parser.ok) return
    file ??= emptyResult(group.name)
    if (file.failures.length === 0 && group.lists.fail.length === 0) {
      file.failures.push({ title: `${file.path} ended with ${signal ?? `exit code ${exitCode}`}`, diagnosis: null })
    }
    if (file.failures.length) send()
  }
}

const reporter = ({ test }: { test: Emitter }) => {
  // React may render a component more than once.
  if (isListening) return null
  isListening = true
  recordNoModules()
  const reports = new Map<FileRun, () => void>()
  test.on('subtestStart', (file: FileRun) => {
    reports.set(file, file.name.includes(`/${groupName}`) ? reportGroup(file) : reportFile(file))
  })
  test.on('subtestEnd', (file: FileRun) => reports.get(file)?.())
  return null
}

export default reporter
