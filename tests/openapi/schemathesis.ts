import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findOnPath } from '@rekey/local-servers/command'
import type { Teardown } from '@rekey/test-support/infrastructure'

/** The version whose findings the list of exemptions is of. */
const wanted = 'schemathesis==4.32.5'

const newFolder = (t: Teardown, name: string) => {
  const dir = mkdtempSync(join(tmpdir(), `rekey-${name}-`))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const run = async (cwd: string, command: string, args: string[]) => {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
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
  if (!python) return { missing: 'platform: there is no python3' }
  const dir = newFolder(t, 'schemathesis')
  const steps: [command: string, ...args: string[]][] = [
    [python, '-m', 'venv', dir],
    [join(dir, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check', wanted],
  ]
  for (const [command, ...args] of steps) {
    const { code, output } = await run(dir, command, args)
    if (code !== 0) return { missing: `platform: ${wanted} cannot be installed: ${output.trim().slice(-200)}` }
  }
  return { command: join(dir, 'bin/schemathesis') }
}

/** One failed check. */
export interface Finding {
  operation: string
  check: string
  message: string
  /** Body of the request. */
  sent: string
  status: number | undefined
  /** `error` of an OAuth error, or `code` of a problem. */
  code: string | undefined
  /** Its text. */
  detail: string | undefined
}

interface Bytes {
  $base64?: string
}
interface Recorder {
  checks: Record<
    string,
    { name: string; status: string; failure_info?: { failure: { operation: string; message: string } } }[]
  >
  interactions: Record<
    string,
    { request: { body?: Bytes }; response?: { status_code: number; content?: Bytes } | null } | undefined
  >
}

const decode = (bytes: Bytes | undefined) => Buffer.from(bytes?.$base64 ?? '', 'base64').toString()

const parse = (content: string): Record<string, string> => {
  try {
    return JSON.parse(content)
  } catch {
    return {}
  }
}

/** A recorder of a phase without requests is empty. */
const findingsOf = ({ checks = {}, interactions = {} }: Partial<Recorder>): Finding[] =>
  Object.entries(checks).flatMap(([id, results]) => {
    const { request, response } = interactions[id] ?? {}
    const answer = parse(decode(response?.content))
    return results.flatMap(({ name, failure_info: info }) =>
      info
        ? {
            check: name,
            operation: info.failure.operation,
            message: info.failure.message,
            sent: decode(request?.body),
            status: response?.status_code,
            code: answer.error ?? answer.code,
            detail: answer.error_description ?? answer.detail,
          }
        : [],
    )
  })

interface Options {
  command: string
  url: string
  /** Requests of each operation in a phase of random ones. */
  examples: number
  headers?: Record<string, string>
}

/** Runs all checks with a fixed seed. */
export const runSchemathesis = async (t: Teardown, { command, url, examples, headers = {} }: Options) => {
  const dir = newFolder(t, 'schemathesis-report')
  const report = join(dir, 'report.ndjson')
  const { output } = await run(dir, command, [
    'run',
    `${url}/openapi.json`,
    '--checks=all',
    '--seed=1',
    `--max-examples=${examples}`,
    '--continue-on-failure',
    '--no-color',
    `--report-ndjson-path=${report}`,
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
  ])
  const lines = readFileSync(report, 'utf8').trim().split('\n')
  const recorders = lines.flatMap((line): Recorder[] => JSON.parse(line).ScenarioFinished?.recorder ?? [])
  return { findings: recorders.flatMap(findingsOf), output }
}
