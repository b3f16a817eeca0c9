import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commonFields, type LogEventDefinition, logEvents } from '@rekey/contracts'
import { checkAtEnd } from './check-at-end.ts'
import type { Teardown } from './infrastructure.ts'

type Line = Record<string, unknown>

interface Schema {
  type?: string
  enum?: unknown[]
  pattern?: string
  items?: Schema
  properties?: Record<string, Schema>
}

const typeOf = (value: unknown) => {
  if (Array.isArray(value)) return 'array'
  return Number.isSafeInteger(value) ? 'integer' : typeof value
}

/** True if a field's value has the form that its declaration has. */
export const hasForm = ({ type, enum: values, pattern, items, properties }: Schema, value: unknown): boolean => {
  if (values) return values.includes(value)
  if (type !== typeOf(value)) return false
  if (pattern) return new RegExp(pattern, 'u').test(String(value))
  if (items) return (value as unknown[]).every((item) => hasForm(items, item))
  if (!properties) return true
  return Object.entries(value as Line).every(([name, part]) => properties[name] && hasForm(properties[name], part))
}

/** Of the HTTP framework, which has no events. */
const ofFramework = /^Server listening at /
const definitions: Record<string, LogEventDefinition> = logEvents

/** What is wrong with a line: an event that is not declared, a field that it may not have, or one that it lacks. */
export const errorsIn = (line: Line): string[] => {
  const { event, msg, severity } = line
  const definition = definitions[String(event)]
  if (!definition) return event === undefined && ofFramework.test(String(msg)) ? [] : [`${event} is not declared`]
  const fields = definition.fields as Record<string, Schema>
  const given = Object.keys(line).filter((name) => !(commonFields as readonly string[]).includes(name))
  const isOptional = (schema: Schema) =>
    Object.getOwnPropertySymbols(schema).some(({ description }) => description === 'TypeBox.Optional')
  return [
    ...(severity === definition.severity ? [] : [`${event} has severity ${severity}, not ${definition.severity}`]),
    ...given.flatMap((name) => {
      const schema = fields[name]
      if (!schema) return [`${event} has ${name}, which is not declared`]
      return hasForm(schema, line[name]) ? [] : [`${event} has ${name} in another form: ${JSON.stringify(line[name])}`]
    }),
    ...Object.entries(fields).flatMap(([name, schema]) =>
      isOptional(schema) || given.includes(name) ? [] : [`${event} lacks ${name}`],
    ),
  ]
}

const seen = new Set<string>()

/** Notes that a test produced the event: the runner compares all of them with those that are declared. */
const note = (event: string) => {
  const folder = process.env.REKEY_TEST_LOG_EVENTS
  if (folder === undefined || seen.has(event)) return
  seen.add(event)
  writeFileSync(join(folder, event), '')
}

/**
 * A destination for a service's logger that keeps the lines, and fails the test at its end for each line that is not as
 * packages/contracts/src/log declares it.
 */
export const declaredLines = (t: Teardown, keep: (line: string) => void) => {
  // Checked at the end: a check of each line as it is written would slow down what the test measures.
  const lines: string[] = []
  checkAtEnd(t, () => {
    const errors = new Set<string>()
    for (const text of lines) {
      const line: Line = JSON.parse(text)
      for (const error of errorsIn(line)) errors.add(error)
      if (typeof line.event === 'string' && Object.hasOwn(definitions, line.event)) note(line.event)
    }
    if (errors.size > 0) throw new Error(`log lines that are not declared: ${[...errors].slice(0, 5).join('; ')}`)
  })
  return {
    write(text: string) {
      keep(text)
      lines.push(text)
    },
  }
}
