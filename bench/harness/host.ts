import { answerCalls } from './calls.ts'
import type { HostPlan, Started } from './protocol.ts'

// The process whose descendants are one contestant: its services, its stores. What this process itself does is no part
// of the contestant.

const cleanups: (() => unknown)[] = []
const t = { teardown: (clean: () => unknown) => void cleanups.push(clean) }

const end = async (code: number) => {
  for (const clean of cleanups.reverse()) {
    try {
      await clean()
    } catch (error) {
      console.error(error)
    }
  }
  process.exit(code)
}
process.on('disconnect', () => end(0))
process.once('message', async ({ kind, options }: HostPlan) => {
  try {
    const { start } = await import(`../contestants/${kind}.ts`)
    const { commands = {}, ...started }: Started = await start(t, options)
    answerCalls(commands)
    process.send?.({ started })
  } catch (error) {
    console.error(error)
    await end(1)
  }
})
process.send?.({ ready: true })
