import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildHelm } from '@rekey/test-support/helm'
import t from 'tap'

// The tests of the chart, where Helm is not installed: Go builds it first, which takes minutes, once for a machine.

await buildHelm()
for (const name of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'))) {
  await t.spawn(process.execPath, [join(import.meta.dirname, name)], {}, name)
}
