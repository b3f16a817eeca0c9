import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const usage = `npm test [-- OPTIONS] [PATH ...]: runs every test but the slow ones (*.slow.test.ts), or all below the paths given.

  --proofs        run the slow tests and the proofs (*.proof.ts) instead: first the tests, then the proofs that measure,
                  one at a time, then the other proofs
  --grep TITLE    run only tests whose title contains TITLE; /TITLE/i is a regular expression
  --watch         run again each time a file changes, until Ctrl-C
  --coverage      also run the slow tests, and print how much of each folder the tests execute
  --slowest N     list the N files with the most processor time at the end
  --jobs N        run N files at once (default 8 tests, 1 proof that measures, 2 other proofs)
  --help          print this text

Environment:
  CI              true: a skipped test is a failure, unless its reason begins with "platform"`

export interface Options {
  proofs: boolean
  coverage: boolean
  watch: boolean
  help: boolean
  grep: string | undefined
  /** Undefined: the usual number. */
  jobs: number | undefined
  /** How many files to list by processor time. */
  slowest: number
  /** Folders and files, relative to the repository. */
  paths: string[]
}

const options = {
  proofs: { type: 'boolean', default: false },
  coverage: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  grep: { type: 'string' },
  jobs: { type: 'string' },
  slowest: { type: 'string', default: '0' },
} as const

const parse = (args: string[]) => {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${usage}`)
  }
}

/** @throws Error with the usage if an option is unknown or has no valid value */
export const readOptions = (args: string[], root: string): Options => {
  const { values, positionals } = parse(args)
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs)
  if (jobs !== undefined && (!Number.isInteger(jobs) || jobs < 1)) {
    throw new Error(`--jobs must be a positive number, not ${JSON.stringify(values.jobs)}\n\n${usage}`)
  }
  const slowest = Number(values.slowest)
  if (!Number.isInteger(slowest) || slowest < 0) {
    throw new Error(`--slowest must be a number of files, not ${JSON.stringify(values.slowest)}\n\n${usage}`)
  }
  if (values.grep === '') throw new Error(`--grep needs a title\n\n${usage}`)
  const { proofs, coverage, watch, help, grep } = values
  return {
    proofs,
    coverage,
    watch,
    help,
    grep,
    jobs,
    slowest,
    paths: positionals.map((path) => relative(root, resolve(path)) || '.'),
  }
}
