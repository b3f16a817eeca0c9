import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { hash, verify } from '@node-rs/argon2'

// The floor of A4 and B2: argon2id with the service's parameters, as many at a time as the service allows by default.
// Prints hashes and verifications a second.

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    memory: { type: 'string', default: '19456' },
    passes: { type: 'string', default: '2' },
    lanes: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: String(Math.min(3, Math.max(1, availableParallelism() - 1))) },
  },
})
const options = {
  memoryCost: Number(values.memory),
  timeCost: Number(values.passes),
  parallelism: Number(values.lanes),
}
const password = 'an old password'

const perSecond = async (work: () => Promise<unknown>) => {
  const start = performance.now()
  const end = start + Number(values.seconds) * 500
  let done = 0
  const lane = async () => {
    while (performance.now() < end) {
      await work()
      done += 1
    }
  }
  await Promise.all(Array.from({ length: Number(values.concurrency) }, lane))
  return done / ((performance.now() - start) / 1_000)
}

const stored = await hash(password, options)
const hashes = await perSecond(() => hash(password, options))
const verifications = await perSecond(() => verify(stored, password))
console.log(JSON.stringify({ hashes, verifications }))
