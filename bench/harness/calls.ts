import type { ChildProcess } from 'node:child_process'
import type { Call, Commands, Reply } from './protocol.ts'

// Calls of functions in a child process, over Node's IPC channel.

/** Answers calls in the child. */
export const answerCalls = (commands: Commands) => {
  process.on('message', async (message: Partial<Call>) => {
    const { id, name, args = [] } = message
    if (id === undefined || name === undefined) return
    const command = commands[name] as ((...args: unknown[]) => Promise<unknown>) | undefined
    try {
      if (!command) throw new Error(`there is no command ${name}`)
      process.send?.({ id, result: await command(...args) } satisfies Reply)
    } catch (error) {
      process.send?.({ id, error: String(error) } satisfies Reply)
    }
  })
}

/** @returns a function that calls one of the child's functions. It throws if that does, or if the child has ended */
export const callsTo = (child: ChildProcess, what: string) => {
  let calls = 0
  return <Result>(name: string, ...args: unknown[]): Promise<Result> =>
    new Promise((resolve, reject) => {
      calls += 1
      const id = calls
      const onMessage = (reply: Reply) => {
        if (reply.id !== id) return
        child.off('message', onMessage)
        child.off('exit', onExit)
        if ('error' in reply) reject(new Error(`${what}: ${reply.error}`))
        else resolve(reply.result as Result)
      }
      const onExit = () => reject(new Error(`${what} has ended`))
      child.on('message', onMessage)
      child.once('exit', onExit)
      child.send({ id, name, args } satisfies Call)
    })
}
