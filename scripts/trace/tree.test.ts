import fc from 'fast-check'
import t from 'tap'
import { pathsOf, readTree, replaceTree } from './document.ts'
import { type ReceivedSpan, readExport } from './otlp.ts'
import { startReceiver } from './receiver.ts'
import { groupsOf, printTraces } from './tree.ts'

const spanOf = (index: number, more: Partial<ReceivedSpan>): ReceivedSpan => ({
  traceId: 'a',
  spanId: String(index),
  parentSpanId: '',
  name: `span ${index}`,
  kind: 1,
  service: 'auth-gateway',
  startMs: index,
  endMs: index + 1,
  isError: false,
  attributes: {},
  links: [],
  ...more,
})

/** Spans of some traces in any order. A parent is an earlier span of its trace, or one that was not received. */
const spans = fc
  .array(fc.record({ trace: fc.nat(3), parent: fc.nat(12), link: fc.nat(12), isLinked: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  })
  .chain((drawn) => {
    const made = drawn.map(({ trace, parent, link, isLinked }, index) => {
      const earlier = parent < index && drawn[parent]?.trace === trace
      const parentSpanId = earlier ? String(parent) : parent > 6 ? 'missing' : ''
      const target = drawn[link]
      const links = isLinked && target ? [{ traceId: String(target.trace), spanId: String(link) }] : []
      return spanOf(index, { traceId: String(trace), parentSpanId, links })
    })
    return fc.shuffledSubarray(made, { minLength: made.length })
  })

t.test('each span is printed once, in whichever order it came and whether or not its parent did', (t) => {
  fc.assert(
    fc.property(spans, (received) => {
      const lines = printTraces(received)
      for (const { name } of received) if (lines.filter((line) => line.endsWith(name)).length !== 1) return false
      return true
    }),
  )
  t.end()
})

t.test('a group has whole traces, and all that their links reach', (t) => {
  fc.assert(
    fc.property(spans, (received) => {
      const groups = groupsOf(received).map((group) => new Set(group))
      const groupOf = (span: ReceivedSpan | undefined) => groups.findIndex((group) => span && group.has(span))
      return received.every((span) => {
        const linked = span.links.map((link) => received.find(({ traceId }) => traceId === link.traceId))
        const others = received.filter(({ traceId }) => traceId === span.traceId)
        return [...linked, ...others].every((other) => groupOf(other) === groupOf(span))
      })
    }),
  )
  t.end()
})

t.test('the tree of a document is replaced, and its paths are those of the spans', (t) => {
  const received = [
    spanOf(0, {}),
    spanOf(1, { parentSpanId: '0' }),
    spanOf(2, { parentSpanId: '1' }),
    spanOf(3, { parentSpanId: '0' }),
  ]
  const document = 'before\n<!-- tree -->\n```text\nold\n```\n<!-- /tree -->\nafter\n'
  const written = replaceTree(document, printTraces(received))
  t.match(written, /^before\n[\s\S]*after\n$/)
  t.notMatch(written, 'old')
  const [first, second, third, fourth] = received.map(({ name }) => `auth-gateway ${name}`)
  t.same(pathsOf(readTree(written).split('\n')), [
    first,
    `${first} > ${second}`,
    `${first} > ${second} > ${third}`,
    `${first} > ${fourth}`,
  ])
  t.throws(() => replaceTree('no tree', []), /has no tree/)
  t.end()
})

t.test('the receiver refuses what it cannot read, and says what to set', async (t) => {
  const { url, spans, close } = await startReceiver()
  t.teardown(close)
  const send = async (type: string, body: string, path = '/v1/traces') => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': type }, body })
    return `${answer.status} ${await answer.text()}`
  }
  t.match(await send('application/x-protobuf', ''), /^415 .*OTEL_EXPORTER_OTLP_PROTOCOL=http\/json/)
  t.match(await send('application/json', '{'), /^400 /)
  t.match(await send('application/json', '{}', '/v1/metrics'), /^404 /)
  t.match(await send('application/json', '{}'), /^200 /)
  t.same(spans, [])
  t.same(readExport('{"resourceSpans":[{"scopeSpans":[{}]}]}'), [])
})
