import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'tap'
import { freePort, isPortFree } from './ports.ts'

const drawInAnotherProcess = async (count: number): Promise<number[]> => {
  const ports = JSON.stringify(new URL('./ports.ts', import.meta.url).href)
  const program = `import { freePort } from ${ports}
    console.log(JSON.stringify(await Promise.all(Array.from({ length: ${count} }, freePort))))
    process.stdin.resume()`
  const running = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  running.child.stdin?.end()
  return JSON.parse((await running).stdout)
}

test('no port is given twice, in one process or two', async (t) => {
  const here = await Promise.all(Array.from({ length: 500 }, freePort))
  const there = await drawInAnotherProcess(500)
  t.equal(new Set([...here, ...there]).size, 1_000)
})

test('a given port is free until its server listens', async (t) => {
  t.ok(await isPortFree(await freePort()))
})
