import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { partsOf, takeDataDir, wipe } from './data-dir.ts'

const scratch = (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-data-dir-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

test('a data folder is used by one process at a time', async (t) => {
  const dir = scratch(t)
  const giveBack = takeDataDir(dir)
  t.throws(() => takeDataDir(dir), { message: new RegExp(`^${dir} is used by another copy`) })
  giveBack()
  takeDataDir(dir)()
})

test('the lock of a dead process is ignored, also if another process has its id', async (t) => {
  for (const claim of [JSON.stringify({ pid: process.pid, startedAt: 'long ago' }), '{"pid":', '']) {
    const dir = scratch(t)
    writeFileSync(join(dir, 'run.json'), claim)
    t.doesNotThrow(() => takeDataDir(dir)(), claim)
  }
})

test("wiping removes the sandbox's files only", async (t) => {
  const dir = scratch(t)
  mkdirSync(partsOf(dir).postgres)
  writeFileSync(join(dir, 'thesis.txt'), 'mine')
  wipe(dir)
  t.notOk(existsSync(partsOf(dir).postgres))
  t.ok(existsSync(join(dir, 'thesis.txt')))
})
