import type { Span } from '@rekey/platform/span'
import { currentSpan } from '@rekey/platform/trace'
import { Prisma } from './generated/prisma/client.ts'

/** Statements that are summarised once; Prisma makes a text for each length of a list. */
const mostKept = 1_000
const mostTables = 4

const summaries = new Map<string, string>()

const toSnakeCase = (name: string) => name.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase()

/** Only their names are part of a summary: whatever else a statement contains is left out. */
const tables = new Set(Object.values(Prisma.ModelName).map(toSnakeCase))

/** A word that may be the name of a table. */
const named = /(?:\b(?:FROM|JOIN|INTO)|(?<!\b(?:FOR|DO|KEY)\s)\bUPDATE)\s+(?:"?public"?\.)?"?(\w+)/gi
const writing = /\b(?:INSERT|DELETE|(?<!\b(?:FOR|DO|KEY)\s)UPDATE)\b/i

const summarize = (text: string): string => {
  const [first = ''] = /\b[a-z]+/i.exec(text) ?? []
  const verb = /^WITH$/i.test(first) ? (writing.exec(text)?.[0] ?? 'SELECT') : first
  const names = Array.from(text.matchAll(named), ([, name = '']) => name).filter((name) => tables.has(name))
  return [verb.toUpperCase(), ...[...new Set(names)].slice(0, mostTables)].join(' ')
}

/** The verb and the tables of a statement: `db.query.summary` of OpenTelemetry. Values are never part of it. */
export const summaryOf = (text: string): string => {
  const known = summaries.get(text)
  if (known !== undefined) return known
  const summary = summarize(text)
  if (summaries.size < mostKept) summaries.set(text, summary)
  return summary
}

/** Begins the span of a statement of `pg`, in any of its forms. @returns undefined if the current span is not recorded */
export const beginStatement = (statement: unknown): Span | undefined => {
  const current = currentSpan()
  if (!current) return undefined
  const { text = '' } = typeof statement === 'string' ? { text: statement } : (statement as { text?: string })
  const summary = summaryOf(text)
  return current.begin({
    name: summary,
    kind: 'client',
    attributes: { 'db.system.name': 'postgresql', 'db.query.summary': summary },
  })
}

/** The span of a transaction. */
export const transactionSpan = {
  name: 'transaction',
  kind: 'internal',
  attributes: { 'db.system.name': 'postgresql' },
} as const
