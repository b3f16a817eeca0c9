import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { installTool, run } from '../scripts/tools/install.ts'
import { seedSandbox } from '../services/password-service/src/customers/sandbox.ts'

// Runs the Bruno collection with its command line, which is installed from a lock file of its own (256 MB).

t.setTimeout(600_000)

const collection = join(import.meta.dirname, 'bruno')

const rekey = await startRekey(t)
await seedSandbox(rekey.passwordServiceConfig)
const tool = await installTool(resolve(import.meta.dirname, '..'), 'bruno').then(
  (dir) => ({ dir }),
  (error: Error) => ({ missing: `platform: ${error.message.slice(0, 200)}` }),
)

t.test(
  'the Bruno collection runs both flows and the back office',
  { skip: 'missing' in tool && tool.missing },
  async (t) => {
    if ('missing' in tool) return
    const { ok, output } = await run(collection, join(tool.dir, 'node_modules/.bin/bru'), [
      'run',
      '-r',
      '--env',
      'Sandbox',
      '--env-var',
      `gateway=${rekey.url}`,
      '--env-var',
      `inbox=${rekey.inbox.httpUrl}`,
    ])
    t.ok(ok, output)
    const requests = globSync('*/*.bru', { cwd: collection }).filter((path) => !path.startsWith('environments'))
    t.match(output, new RegExp(`Requests.*\\b${requests.length} Passed`), output.slice(-600))
  },
)
