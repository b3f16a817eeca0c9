import { type EventDefinition, type StreamDefinition, streams } from '@rekey/contracts'
import { exampleOf } from '@rekey/contracts/documents/example'
import fc from 'fast-check'
import { headers, type StoredMsg } from 'nats'
import t from 'tap'
import type { Letter } from './letters.ts'
import { maskedData } from './masked.ts'
import { selects } from './selection.ts'

const events = Object.values<StreamDefinition>(streams).flatMap((stream): EventDefinition[] => stream.events)
const letterOf = (type: string, text: string): Letter => ({
  sequence: 1,
  type,
  reason: 'a test',
  storedAt: new Date(),
  eventId: 'a',
  message: { header: headers(), data: Buffer.from(text), json: () => JSON.parse(text) } as unknown as StoredMsg,
})

const sealed = 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..Zm9yIG9uZSBzZXJ2aWNl.c2VhbGVk.dGFn'
const planted = fc.constantFrom(
  'planted@example.com',
  'oob:email:planted@example.com',
  '+447700900999',
  'oob:sms:+447700900999',
  '203.0.113.99',
  '2001:db8::99',
  sealed,
)

t.test('no dead letter of any event shows an address, a number or a sealed field', (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...events), planted, fc.nat(), ({ type, data }, secret, at) => {
      const content = exampleOf(data) as Record<string, unknown>
      const texts = Object.keys(content).filter((name) => typeof content[name] === 'string')
      const name = texts[at % texts.length] ?? 'unknown'
      const shown = JSON.stringify(
        maskedData(letterOf(type, JSON.stringify({ ...content, [name]: secret, [`foreign${at}`]: secret }))),
      )
      return !/planted|900999|113\.99|db8::99|c2VhbGVk/.test(shown)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('data that is no JSON, or of an unknown event, is not shown', (t) => {
  t.equal(maskedData(letterOf('notify.code', 'planted@')), '(not JSON: 8 bytes)')
  t.equal(maskedData(letterOf('other.event', '{"a":1}')), '(an unknown event: 7 bytes)')
  t.end()
})

t.test('a pattern selects the subjects that NATS would', (t) => {
  const of = (subject: string) =>
    events.filter(({ type }) => selects({ subject }, new Date())(letterOf(type, '{}'))).length
  t.equal(of('notify.code'), 1)
  t.equal(of('notify.*'), streams.NOTIFY.events.length)
  t.equal(of('auth.>'), streams.AUTH.events.length)
  t.equal(of('dead.notify.*'), streams.NOTIFY.events.length)
  t.equal(of('notify'), 0)
  t.end()
})
