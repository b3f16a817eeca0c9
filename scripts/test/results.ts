import { stringify } from 'yaml'

/** Name, before its number, of a file that runs a group of test files. */
export const groupName = 'group-'

/** Begins the comment by which a group reports the processor time of a file, in seconds. */
export const processorTimeComment = 'processor time of the file: '

/** The result of one test file. */
export interface FileResult {
  path: string
  seconds: number
  /** Processor time of its process and of the processes that it started; not of the servers that all files share. */
  processorSeconds: number
  /** Assertions. */
  passed: number
  failures: { title: string; diagnosis: Record<string, unknown> | null }[]
  skipped: { title: string; reason: string }[]
  /** Written with `t.comment`. */
  comments: string[]
  stderr: string
}

const indent = (text: string, by: number) => text.replaceAll(/^(?=.)/gm, ' '.repeat(by))

const countsOf = (passed: number, failed: number, skipped: number) =>
  [`${passed} passed`, ...(failed ? [`${failed} failed`] : []), ...(skipped ? [`${skipped} skipped`] : [])].join(', ')

const describeFailure = ({ title, diagnosis }: FileResult['failures'][number]) => {
  // The lines of the source are long, and the stack names them.
  const { source: _source, ...details } = diagnosis ?? {}
  const text = Object.keys(details).length ? stringify(details, { lineWidth: 0 }).trimEnd() : ''
  return [`✖ ${title}`, ...(text ? [indent(text, 4)] : [])].join('\n')
}

/** A file's result in one line, followed by what the file printed and by its failures. */
export const lineOf = (result: FileResult): string => {
  const { path, seconds, processorSeconds, passed, failures, skipped, comments, stderr } = result
  const verdict = failures.length ? 'FAILED' : 'ok    '
  const times = `${seconds.toFixed(1).padStart(6)} s ${processorSeconds.toFixed(1).padStart(6)} s CPU`
  const line = `${verdict} ${times}  ${path}: ${countsOf(passed, failures.length, skipped.length)}`
  const printed = [...comments, ...stderr.split('\n')].filter((text) => text.trim())
  return [line, ...printed.map((text) => indent(text, 31)), ...failures.map(describeFailure)].join('\n')
}

/** The files with the most processor time, a line each, and the time of all. */
export const slowestFiles = (results: FileResult[], count: number): string => {
  const all = results.reduce((sum, result) => sum + result.processorSeconds, 0)
  const files = results.toSorted((a, b) => b.processorSeconds - a.processorSeconds).slice(0, count)
  return [
    ...files.map(({ path, processorSeconds }) => `${processorSeconds.toFixed(1).padStart(8)} s CPU  ${path}`),
    `${all.toFixed(1).padStart(8)} s CPU  all files`,
  ].join('\n')
}

/** A skip that the machine's kind explains, which no installation can change. */
const isOfPlatform = ({ reason }: { reason: string }) => reason.startsWith('platform')

export interface Summary {
  /** The failures, the skipped tests, and last the line with the counts. */
  text: string
  isGreen: boolean
}

/** @param strict whether a skipped test is a failure, unless its reason begins with "platform" */
export const summarize = (results: FileResult[], missing: string[], { strict }: { strict: boolean }): Summary => {
  const skipped = results.flatMap((result) => result.skipped)
  const forbidden = strict ? skipped.filter((skip) => !isOfPlatform(skip)) : []
  const failures = [
    ...results.flatMap((result) => result.failures),
    ...missing.map((path) => ({ title: `${path} has no result`, diagnosis: null })),
    ...forbidden.map(({ title, reason }) => ({ title: `${title} was skipped: ${reason}`, diagnosis: null })),
  ]
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  const lines = [
    ...(failures.length ? ['', ...failures.map(describeFailure)] : []),
    ...(skipped.length ? ['', 'Skipped:', ...skipped.map(({ title, reason }) => `- ${title}: ${reason}`)] : []),
    '',
    `${passed} passed, ${failures.length} failed${skipped.length ? `, ${skipped.length} skipped` : ''}`,
  ]
  return { text: lines.join('\n'), isGreen: failures.length === 0 }
}
