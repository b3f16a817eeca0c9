import type { ReceivedSpan } from './otlp.ts'

/** A span with its children, in order of their beginning. */
export interface Node {
  span: ReceivedSpan
  children: Node[]
}

const byStart = (one: ReceivedSpan, other: ReceivedSpan) => one.startMs - other.startMs

/** The spans without a received parent, each with its children. */
export const treesOf = (spans: readonly ReceivedSpan[]): Node[] => {
  const nodes = new Map(spans.toSorted(byStart).map((span) => [span.spanId, { span, children: [] as Node[] }]))
  const roots: Node[] = []
  for (const node of nodes.values()) {
    const parent = nodes.get(node.span.parentSpanId)
    if (parent) parent.children.push(node)
    else roots.push(node)
  }
  return roots
}

/** Groups of traces that links connect, in order of their beginning. A restore is one: each of its requests is a trace. */
export const groupsOf = (spans: readonly ReceivedSpan[]): ReceivedSpan[][] => {
  const groupOf = new Map<string, Set<string>>()
  const join = (one: string, other: string) => {
    const joined = new Set([...(groupOf.get(one) ?? [one]), ...(groupOf.get(other) ?? [other])])
    for (const traceId of joined) groupOf.set(traceId, joined)
  }
  const known = new Set(spans.map(({ traceId }) => traceId))
  for (const { traceId, links } of spans) {
    join(traceId, traceId)
    for (const link of links) if (known.has(link.traceId)) join(traceId, link.traceId)
  }
  const groups = Map.groupBy(spans.toSorted(byStart), ({ traceId }) => groupOf.get(traceId))
  return [...groups.values()]
}

/** A line of a tree, before it is printed. */
interface Line {
  span: ReceivedSpan
  branch: string
}

const linesOf = (nodes: Node[], indent = ''): Line[] =>
  nodes.flatMap(({ span, children }, index) => {
    const isLast = index === nodes.length - 1
    return [
      { span, branch: `${indent}${isLast ? '└─ ' : '├─ '}` },
      ...linesOf(children, `${indent}${isLast ? '   ' : '│  '}`),
    ]
  })

const noted = ['http.response.status_code', 'error.type', 'rekey.refused', 'rekey.children_omitted'] as const

const noteOf = ({ attributes }: ReceivedSpan): string => {
  const notes = noted.flatMap((name) => attributes[name] ?? [])
  return notes.length > 0 ? ` (${[...new Set(notes)].join(', ')})` : ''
}

const formatMs = (ms: number): string => `${ms.toFixed(1)} ms`

/**
 * Prints traces: each trace with its id, its spans as a tree, when each began after its trace, and how long it took. A
 * trace that links to an earlier one of the group says so.
 */
export const printTraces = (spans: readonly ReceivedSpan[], { ids = true }: { ids?: boolean } = {}): string[] => {
  const traces = [...Map.groupBy(spans.toSorted(byStart), ({ traceId }) => traceId)]
  const numberOf = new Map(traces.map(([traceId], index) => [traceId, index + 1]))
  return traces.flatMap(([traceId, own]) => {
    const roots = treesOf(own)
    const startMs = Math.min(...own.map((span) => span.startMs))
    const lines = roots.flatMap(({ span, children }) => [{ span, branch: '' }, ...linesOf(children)])
    const linked = own.flatMap(({ links }) => links).flatMap((link) => numberOf.get(link.traceId) ?? [])
    const earlier = [...new Set(linked)].filter((number) => number !== numberOf.get(traceId)).toSorted()
    const title = [
      `trace ${numberOf.get(traceId)}`,
      ...(earlier.length > 0 ? [`linked to ${earlier.map((number) => `trace ${number}`).join(', ')}`] : []),
      ...(ids ? [traceId] : []),
    ].join(', ')
    return [
      title,
      ...lines.map(({ span, branch }) => {
        const begun = `+${formatMs(span.startMs - startMs)}`.padStart(11)
        const took = formatMs(span.endMs - span.startMs).padStart(10)
        return `${begun} ${took}  ${span.service.padEnd(17)} ${branch}${span.name}${noteOf(span)}`
      }),
      '',
    ]
  })
}
