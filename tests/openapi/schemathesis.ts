import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findOnPath } from '@rekey/local-servers/command'
import type { Teardown } from '@rekey/test-support/infrastructure'

/** The version whose findings the list of exemptions is of. */
const wanted = 'schemathesis==4.32.5'

const run = async (command: string, args: string[], env: Record<string, string> = {}) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject)),
  ])
  return { code, output: `${output}${errors}` }
}

/** Installs Schemathesis into a folder of its own. @returns its command, or why there is none */
export const installSchemathesis = async (t: Teardown): Promise<{ command: string } | { missing: string }> => {
  const python = findOnPath('python3')
  if (!python) return { missing: 'platform: no python3 on the path' }
  const dir = mkdtempSync(join(tmpdir(), 'rekey-schemathesis-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const venv = await run(python, ['-m', 'venv', dir])
  if (venv.code !== 0) return { missing: `platform: python3 makes no virtual environment: ${venv.output.slice(-200)}` }
  const installed = await run(join(dir, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', wanted])
  if (installed.code !== 0)
    return { missing: `platform: ${wanted} cannot be installed: ${installed.output.slice(-200)}` }
  return { command: join(dir, 'bin/schemathesis') }
}

/** One failure that Schemathesis reports. */
export interface Finding {
  operation: string
  check: string
  message: string
  /** Status of the answer. */
  status: number | undefined
  /** `error` or `code` of the answer. */
  code: string | undefined
}

interface Options {
  command: string
  url: string
  /** Requests of each operation, in each phase. */
  examples: number
  /** Folder of the configuration. */
  config: string
  headers?: Record<string, string>
}

/** Runs all checks with a fixed seed, and reads what was found. */
export const runSchemathesis = async ({ command, url, examples, config, headers = {} }: Options) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-schemathesis-report-'))
  try {
    const report = join(dir, 'report.ndjson')
    const { code, output } = await run(
      command,
      [
        '--config-file',
        config,
        'run',
        `${url}/openapi.json`,
        '--checks=all',
        '--seed=1',
        `--max-examples=${examples}`,
        '--continue-on-failure',
        '--no-color',
        `--report-ndjson-path=${report}`,
        ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      ],
      { SCHEMATHESIS_HOOKS: '', PYTHONHASHSEED: '0' },
    )
    return { code, output, report: readFileSync(report, 'utf8') }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
