import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { takeScreens } from './screens/take-screens.ts'
import { createStopRequest } from './start/stop-request.ts'

const usage = `npm run screens [-- --out FOLDER]: starts a sandbox of its own, plays the stories of docs/screens.md in a
browser, and writes that page and its pictures. The sandbox ends with the command.

  --out FOLDER  folder of screens.md and screens/, default docs
  --help        show this`

const options = { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
const stopRequest = createStopRequest()
try {
  const { out, help } = parseArgs({ options }).values
  const docs = resolve(import.meta.dirname, '../docs')
  if (help) console.log(usage)
  else await takeScreens(out === undefined ? docs : resolve(out), { say: console.log, signal: stopRequest.signal })
} catch (error) {
  if (!stopRequest.signal.aborted) console.error(error instanceof Error ? error.message : error)
  process.exitCode = stopRequest.signal.aborted ? 130 : 1
} finally {
  stopRequest.release()
}
