import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { lowerHashPriority } from './priority.ts'

/** How nice each thread of this process is, by its name: the 19th field of proc_pid_stat(5), the 17th after the name. */
const niceness = () =>
  readdirSync('/proc/self/task').map((id) => {
    const [, name, rest = ''] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8')) ?? []
    return { name, nice: Number(rest.split(' ')[16]) }
  })

t.test(
  'hashes give way to the event loop',
  { skip: process.platform !== 'linux' && 'only Linux has priorities of threads' },
  async (t) => {
    await lowerHashPriority()
    const pool = niceness().filter(({ name }) => name === 'libuv-worker')
    t.ok(pool.length > 0)
    t.ok(pool.every(({ nice }) => nice === 10))
    t.ok(niceness().every(({ name, nice }) => name === 'libuv-worker' || nice === 0))
  },
)
