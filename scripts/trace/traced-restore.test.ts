import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pathsOf, readTree } from './document.ts'
import type { ReceivedSpan } from './otlp.ts'
import { isWholeRestore } from './traced-restore.ts'

const document = readFileSync(join(import.meta.dirname, '../../docs/traces.md'), 'utf8')

/** The spans of docs/traces.md: each path there is one. */
const spans: ReceivedSpan[] = pathsOf(readTree(document).split('\n')).map((path) => {
  const steps = path.split(' > ')
  const [service = '', ...name] = (steps.at(-1) ?? '').split(' ')
  return {
    traceId: steps[0] ?? '',
    spanId: path,
    parentSpanId: steps.slice(0, -1).join(' > '),
    name: name.join(' ').replace(/ \(.*\)$/, ''),
    kind: 1,
    service,
    startMs: 0,
    endMs: 1,
    isError: false,
    attributes: {},
    links: [],
  }
})

t.test('the documented restore is whole, with the outcomes of both messages', async (t) => {
  t.ok(isWholeRestore(spans))
  t.equal(spans.filter(({ name }) => name === 'process message.outcome').length, 2)
})

t.test('a restore is not whole while a parent, a request or the handling of an event has not come', async (t) => {
  const parents = new Set(spans.map(({ parentSpanId }) => parentSpanId))
  for (const { spanId, name } of spans) {
    const isEvent = name.startsWith('process ')
    if (isEvent || parents.has(spanId)) {
      t.notOk(isWholeRestore(spans.filter((span) => span.spanId !== spanId)), `without ${spanId}`)
    }
    // A parent ends after its children: what is below it may have come, or not.
    const isEndpoint = name === 'POST /oauth/v2/passwordRestore' || name === 'POST /api/v2/my/password/restore'
    if (isEvent || isEndpoint) {
      const others = spans.filter((span) => !`${span.spanId} > `.startsWith(`${spanId} > `))
      t.notOk(isWholeRestore(others), `without ${spanId} and all below it`)
    }
  }
})
