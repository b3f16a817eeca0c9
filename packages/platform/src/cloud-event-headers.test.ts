import { decodeHeader, encodeHeader, LoginFailed } from '@rekey/contracts'
import fc from 'fast-check'
import t from 'tap'
import { messageOf } from './publisher.ts'

t.test('a header value is percent-encoded as the NATS binding of CloudEvents requires', async (t) => {
  t.equal(encodeHeader('Euro € 😀'), 'Euro%20%E2%82%AC%20%F0%9F%98%80', 'the example of the specification')
  t.equal(encodeHeader('a"b%c\r\nd\u007f'), 'a%22b%25c%0D%0Ad%7F')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const encoded = encodeHeader(text)
      return /^[\x21\x23-\x7E]*$/.test(encoded) && decodeHeader(encoded) === text.toWellFormed()
    }),
  )
})

t.test('a header value is decoded once, also if it is quoted or encoded without need', async (t) => {
  t.equal(decodeHeader('%41b%2525'), 'Ab%25')
  t.equal(decodeHeader('"a \\"quoted\\" \\\\ value"'), 'a "quoted" \\ value')
  t.equal(decodeHeader('%e2%82%ac'), '€')
  t.equal(decodeHeader('100%'), '100%')
  for (const invalid of ['%C0%A0', '%FF', '%E2%82']) t.equal(decodeHeader(invalid), undefined, invalid)
})

t.test('every attribute of an event has a ce- header, and the content type both of its headers', async (t) => {
  const { headers } = messageOf({
    id: 'id 1',
    type: LoginFailed.type,
    source: 'auth-gateway',
    subject: 'EN 7"%é',
    time: new Date('2026-11-26T08:00:00Z'),
    data: {},
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  })
  t.same(Object.fromEntries([...headers].map(([name, values]) => [name, values.join()])), {
    'ce-specversion': '1.0',
    'ce-id': 'id%201',
    'ce-source': 'auth-gateway',
    'ce-type': 'auth.login.failed',
    'ce-subject': 'EN%207%22%25%C3%A9',
    'ce-time': '2026-11-26T08:00:00.000Z',
    'ce-datacontenttype': 'application/json',
    'ce-traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'content-type': 'application/json',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  })
})
