import fc from 'fast-check'
import { headers, Match, MsgHdrsImpl } from 'nats'
import t from 'tap'
import { decodeHeadersOnce } from './received-headers.ts'

const libraryDecode = MsgHdrsImpl.decode
decodeHeadersOnce()

const entriesOf = (read: MsgHdrsImpl) => [...read]

t.test('headers are read as the library reads them', async (t) => {
  const name = fc.constantFrom('ce-id', 'ce-type', 'CE-Type', 'traceparent', 'Nats-Msg-Id', '__proto__', '7', 'a.b!')
  const value = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', 'a: b', ' x ', 'ä', '\u2028'))
  const holds = fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
    const written = headers() as MsgHdrsImpl
    for (const [name, value] of pairs) written.append(name, value.replaceAll(/[\r\n]/g, ''))
    const bytes = written.encode()
    const [ours, library] = [MsgHdrsImpl.decode(bytes), libraryDecode(bytes)]
    t.same(entriesOf(ours), entriesOf(library))
    for (const [name] of [...pairs, ['missing', '']] as const) {
      t.equal(ours.get(name), library.get(name))
      t.equal(ours.get(name.toUpperCase(), Match.IgnoreCase), library.get(name.toUpperCase(), Match.IgnoreCase))
      t.same(ours.values(name), library.values(name))
      t.equal(ours.has(name), library.has(name))
    }
  })
  fc.assert(holds, { numRuns: 300 })
})

t.test('a status of the server is read', async (t) => {
  const read = MsgHdrsImpl.decode(Buffer.from('NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n'))
  t.equal(read.code, 408)
  t.equal(read.description, 'Request Timeout')
  t.equal(read.get('Nats-Pending-Messages'), '1')
})

t.test('a header with a malformed name is left out', async (t) => {
  const read = MsgHdrsImpl.decode(Buffer.from('NATS/1.0\r\nbad name: 1\r\n: 2\r\nno colon\r\nce-id: 3\r\n\r\n'))
  t.same(entriesOf(read), [['ce-id', ['3']]])
})
