import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { startProcesses } from '@rekey/test-support/processes'
import type { Test } from 'tap'
import { isOfInspector } from './held-memory.ts'

interface Line {
  severity: string
  event?: string
  msg?: string
}

/** Starts the product as processes, and watches that none ends. */
export const startFuzzed = async (t: Teardown, env: Record<string, string> = {}) => {
  const rekey = await startProcesses(t, { env: { LOG_LEVEL: 'error', ...env } })
  const services = {
    'auth-gateway': rekey.gateway,
    'password-service': rekey.passwordService,
    notifier: rekey.notifier,
  }
  const names = Object.keys(services)
  const ended: string[] = []
  for (const [name, { exited }] of Object.entries(services)) void exited.then(() => ended.push(name))

  const logOf = (name: string) => readFileSync(join(rekey.dataDir, name, 'server.log'), 'utf8')
  const lines = () =>
    names.flatMap((name) =>
      logOf(name)
        .split('\n')
        .filter((line) => line !== '' && !isOfInspector(line)),
    )

  return {
    rekey,
    names,
    logOf,
    lines,
    /** Asserts that no service ended, and that none of these lines is a crash or a fault. */
    assertSound(t: Test, lines: string[], isFault: (line: Line) => boolean) {
      t.same(ended, [], 'no service crashed')
      t.same(
        // Node reports a crash in plain text.
        lines.filter((line) => !line.startsWith('{') || isFault(JSON.parse(line))),
        [],
        'no service logged a crash or an internal error',
      )
    },
  }
}

export type Fuzzed = Awaited<ReturnType<typeof startFuzzed>>
