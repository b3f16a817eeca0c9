import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { lowerHashPriority } from './priority.ts'

/** The nice value of each thread of this process: the 19th field of proc_pid_stat(5), the 17th after the name. */
const niceValues = () =>
  readdirSync('/proc/self/task').map((id) => {
    const [, name, rest = ''] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8')) ?? []
    return { name, nice: Number(rest.split(' ')[16]) }
  })

t.test(
  'threads that compute hashes have a lower priority than the event loop',
  { skip: process.platform !== 'linux' && 'platform: only Linux has thread priorities' },
  async (t) => {
    await lowerHashPriority()
    const pool = niceValues().filter(({ name }) => name === 'libuv-worker')
    t.ok(pool.length > 0)
    t.ok(pool.every(({ nice }) => nice === 10))
    t.ok(niceValues().every(({ name, nice }) => name === 'libuv-worker' || nice === 0))
  },
)
