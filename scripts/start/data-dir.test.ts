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

test('a data folder is for one copy at a time', async (t) => {
  const dir = scratch(t)
  const giveBack = takeDataDir(dir)
  t.throws(() => takeDataDir(dir), { message: new RegExp(`^${dir} is used by another copy`) })
  giveBack()
  takeDataDir(dir)()
})

test('the claim of a copy that is dead counts for nothing, also when its number lives on', async (t) => {
  for (const claim of [JSON.stringify({ pid: process.pid, startedAt: 'long ago' }), '{"pid":', '']) {
    const dir = scratch(t)
    writeFileSync(join(dir, 'run.json'), claim)
    t.doesNotThrow(() => takeDataDir(dir)(), claim)
  }
})

test('wiping removes what is ours and nothing else', async (t) => {
  const dir = scratch(t)
  mkdirSync(partsOf(dir).postgres)
  writeFileSync(join(dir, 'thesis.txt'), 'mine')
  wipe(dir)
  t.notOk(existsSync(partsOf(dir).postgres))
  t.ok(existsSync(join(dir, 'thesis.txt')))
})
