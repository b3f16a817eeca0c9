import t from 'tap'
import { systemRandom } from './random.ts'

t.test('random bytes have the wanted length, and no two values of any length share bytes', (t) => {
  const seen = new Set<string>()
  let windows = 0
  for (let round = 0; round < 200; round += 1) {
    for (const count of [12, 16, 24, 32, 256, 257, 5_000]) {
      const bytes = systemRandom.bytes(count)
      if (bytes.length !== count) t.fail(`${bytes.length} instead of ${count}`)
      // Eight bytes that were given out twice would be found at any offset.
      for (let at = 0; at + 8 <= Math.min(count, 64); at += 1) {
        seen.add(bytes.toString('latin1', at, at + 8))
        windows += 1
      }
    }
  }
  t.equal(seen.size, windows)
  t.end()
})

t.test('a caller that changes its bytes changes no others', (t) => {
  const first = systemRandom.bytes(16)
  const copy = Buffer.from(first)
  systemRandom.bytes(16).fill(0)
  t.same(first, copy)
  t.notSame(systemRandom.bytes(16), Buffer.alloc(16))
  t.end()
})
