import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { readProcesses, readProcessorTime, untilIdle } from '../processor-time.ts'
import { callsTo } from './calls.ts'
import type { HostPlan, Started } from './protocol.ts'

export interface Contestant extends Omit<Started, 'commands'> {
  name: string
  /** Microseconds of each part until now, by name. */
  processorTime(): Map<string, number>
  /** MiB of each part that are resident now, by name. */
  residentMiB(): Map<string, number>
  untilIdle(): Promise<void>
  /** Calls a command of the contestant's host. */
  call<Result>(name: string, ...args: unknown[]): Promise<Result>
}

/** Starts one contestant with stores of its own, below a process of its own. */
export const startContestant = async (t: Teardown, name: string, plan: HostPlan): Promise<Contestant> => {
  const host = fork(join(import.meta.dirname, 'host.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Ctrl-C reaches this process alone, which stops the parts in order.
    detached: true,
  })
  const exited = once(host, 'exit')
  t.teardown(async () => {
    if (host.connected) host.disconnect()
    await exited
  })
  const pid = host.pid ?? 0
  await once(host, 'message')
  host.send(plan)
  const ended = exited.then(() => {
    throw new Error(`${name} could not be started`)
  })
  const [message] = (await Promise.race([once(host, 'message'), ended])) as [{ started: Started }]
  ended.catch(() => {})
  return {
    ...message.started,
    name,
    processorTime: () => readProcessorTime(pid),
    residentMiB: () => readProcesses(pid, ({ residentMiB }) => residentMiB),
    untilIdle: () => untilIdle(120_000, pid),
    call: callsTo(host, name),
  }
}
