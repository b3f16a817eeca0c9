import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { eventually } from '@rekey/test-support/eventually'
import type { Rekey } from '@rekey/test-support/rekey'

const timeoutMs = 60_000

/** Starts examples as their head comments say, against the product of a test. */
export const exampleStarter = (t: { teardown(work: () => unknown): void }, { url, inbox, nats }: Rekey) => {
  const start = (name: string, args: string[] = [], env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, name), ...args], {
      env: { REKEY_URL: url, INBOX_URL: inbox.httpUrl, NATS_URL: nats.url, ...env },
    })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (data) => (output += data))
    const ended = once(child, 'close')
    return {
      /** Waits for its end. @throws Error with what it printed unless its exit code is 0 */
      async output() {
        const [code] = await ended
        if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`)
        return output
      },
      prints: (what: string | RegExp) =>
        eventually(() => output.match(what), { what: `${name} to print ${what}`, timeoutMs }),
      stop: () => child.kill('SIGTERM'),
    }
  }
  return { start, run: (name: string, args: string[]) => start(name, args).output() }
}
