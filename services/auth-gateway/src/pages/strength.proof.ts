import t from 'tap'
import { strengthOf } from './strength.ts'

/** Processor time of this process in µs for one estimate. */
const measure = async (password: string) => {
  const before = process.cpuUsage()
  await strengthOf(password, 'maria@example.com')
  return process.cpuUsage(before).user
}

t.test('no password takes long to estimate', async (t) => {
  const slow = ['aB3', '12', 'p@$$w0rd', '4@8({[<3€6&1!|709$5+7%2', 'Kj8!x@Lm$2Qz&7Rt9#Vb(3'].map((text) =>
    text.repeat(60),
  )
  await strengthOf('warm', '')
  for (const password of slow) {
    // The lowest of three: the garbage collector may run during one of them.
    const least = Math.min(await measure(password), await measure(password), await measure(password))
    // Five times what it takes.
    t.ok(least < 100_000, `${password.slice(0, 10)}: ${least} µs`)
  }
})
