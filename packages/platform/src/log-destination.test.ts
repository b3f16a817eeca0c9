import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const logger = new URL('./logger.ts', import.meta.url).href

const linesOf = async (ending: string) => {
  const script = `
    const { createLogger } = await import('${logger}')
    const log = createLogger({ name: 'test', level: 'info' })
    for (let line = 0; line < 2_000; line += 1) log.info({ line }, 'a line')
    ${ending}`
  const ended = await run(process.execPath, ['--input-type=module', '-e', script]).catch((error) => error)
  return ended.stdout
    .split('\n')
    .filter(Boolean)
    .map((line: string) => JSON.parse(line).line)
}

t.test('a process that ends has written every line, in order, however it ends', async (t) => {
  const all = Array.from({ length: 2_000 }, (_, line) => line)
  for (const ending of ['', 'process.exit(1)', "throw new Error('fatal')", 'setTimeout(() => process.exit(0), 10)']) {
    t.same(await linesOf(ending), all, ending)
  }
})
