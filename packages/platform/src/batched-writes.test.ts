import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { batchWrites } from './batched-writes.ts'

/** A stream that records what reaches the system in one call. */
const createStream = () => {
  const calls: string[] = []
  const stream = new Writable({
    decodeStrings: true,
    write(chunk, _encoding, done) {
      calls.push(String(chunk))
      done()
    },
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(''))
      done()
    },
  })
  batchWrites(stream)
  return { stream, calls }
}

t.test('what is written in a turn is sent in one call and in order, and nothing waits for another turn', async (t) => {
  const turns = fc.array(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(turns, async (texts) => {
      const { stream, calls } = createStream()
      for (const texts_ of texts) {
        for (const text of texts_) stream.write(text)
        await turn()
      }
      t.same(
        calls,
        texts.map((texts_) => texts_.join('')),
      )
    }),
    { numRuns: 50 },
  )
})

t.test('a callback of a write is called once it is sent', async (t) => {
  const { stream, calls } = createStream()
  await new Promise<void>((resolve) => stream.write('a', () => resolve()))
  t.same(calls, ['a'])
})
