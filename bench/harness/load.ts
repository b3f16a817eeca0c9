import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { waitUntil } from '@rekey/local-servers/wait-until'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { callsTo } from './calls.ts'
import type { LoadCommands } from './protocol.ts'

export type Load = LoadCommands & {
  smtpUrl: string
  /** Waits until so many mails came since the start. */
  untilMails(count: number): Promise<void>
}

const mailLimitMs = 120_000

/** Starts the process that sends the load and receives the mails. */
export const startLoad = async (t: Teardown): Promise<Load> => {
  const child = fork(join(import.meta.dirname, 'load-process.ts'), { stdio: 'inherit' })
  t.teardown(async () => {
    if (child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill()
    await ended
  })
  await once(child, 'message')
  const call = callsTo(child, 'the load process')
  const commands: LoadCommands = {
    run: (plan) => call('run', plan),
    mailCount: () => call('mailCount'),
    keepMails: (keep) => call('keepMails', keep),
    takeMails: () => call('takeMails'),
    smtpPort: () => call('smtpPort'),
  }
  return {
    ...commands,
    smtpUrl: `smtp://127.0.0.1:${await commands.smtpPort()}`,
    async untilMails(count) {
      await waitUntil(async () => (await commands.mailCount()) >= count, {
        what: `${count} mails`,
        timeoutMs: mailLimitMs,
        intervalMs: 100,
      })
    },
  }
}
