import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sql } from '@rekey/test-support/customers'
import { startTestPostgres } from '@rekey/test-support/postgres'
import type { Test } from 'tap'

const root = resolve(import.meta.dirname, '../..')

// The command of the npm script, started directly: npm would receive the signals that a test sends.
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const [, ...command] = scripts.customers.split(' ')

interface Ended {
  code: number | null
  out: string
  err: string
}

export const ndjson = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('')

/** Starts Postgres, and runs `npm run customers` on its database with files in a temporary directory. */
export const startCustomers = async (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-customers-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const database = await startTestPostgres(join(dir, 'postgres'), false)
  t.teardown(() => database.stop())

  const start = (args: string[], env: Record<string, string> = {}) => {
    const child: ChildProcess = spawn(process.execPath, [...command, ...args], {
      cwd: root,
      env: { ...process.env, DATABASE_URL: database.url, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended: Ended = { code: null, out: '', err: '' }
    child.stdout?.on('data', (text) => {
      ended.out += text
    })
    child.stderr?.on('data', (text) => {
      ended.err += text
    })
    const end = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ ...ended, code })))
    t.teardown(() => child.kill('SIGKILL'))
    return { child, end }
  }
  const run = (args: string[], env?: Record<string, string>) => start(args, env).end

  const fileOf = (name: string, content: string | Buffer) => {
    const path = join(dir, name)
    writeFileSync(path, content)
    return path
  }

  return {
    dir,
    database,
    start,
    run,
    fileOf,
    query: <Row extends object>(text: string, values: unknown[] = []) => sql<Row>(database.url, text, values),
  }
}
