import {
  commonFields,
  fieldMeanings,
  type LogEventDefinition,
  type LogField,
  logEvents,
  logSections,
} from '../index.ts'

const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

interface Schema {
  'x-form': string
  'x-form-text': string
}

const isOptional = (schema: object) =>
  Object.getOwnPropertySymbols(schema).some(({ description }) => description === 'TypeBox.Optional')

const schemasOf = (definition: LogEventDefinition) => Object.entries(definition.fields as Record<string, Schema>)

const serviceOf = ({ service }: LogEventDefinition) => [service].flat().join(', ')

const eventRow = ([name, definition]: [string, LogEventDefinition]) => [
  `\`${name}\``,
  `${definition.severity}${definition.always ? ', always' : ''}`,
  serviceOf(definition),
  schemasOf(definition)
    .map(([field, schema]) => `\`${field}${isOptional(schema) ? '?' : ''}\``)
    .join(' '),
  definition.when,
  definition.action,
]

/** The declared log lines, a table a subject, for docs/logs.md. */
export const logEventTables = (): string =>
  Object.entries(logSections)
    .map(([title, events]) => {
      const rows = Object.entries(events as Record<string, LogEventDefinition>).map(eventRow)
      return `### ${title}\n\n${table(['event', 'severity', 'service', 'fields', 'when', 'what to do'], rows)}`
    })
    .join('\n\n')

/** Forms of a field, over all events. */
const formsOf = (field: LogField): string => {
  const forms = Object.values<LogEventDefinition>(logEvents).flatMap(({ fields }) => {
    const schema = fields[field] as Schema | undefined
    return schema ? schema['x-form'] : []
  })
  return [...new Set(forms)].join('; ')
}

/** Every field of a log line, for docs/logs.md. */
export const logFieldTable = (): string => {
  const fields = Object.entries(fieldMeanings) as [LogField, string][]
  const isCommon = (field: LogField) => (commonFields as readonly LogField[]).includes(field)
  return table(
    ['field', 'form', 'meaning'],
    fields.map(([field, meaning]) => [`\`${field}\``, isCommon(field) ? 'in every line' : formsOf(field), meaning]),
  )
}

/** What each form is, for docs/logs.md. */
export const logFormTable = (): string => {
  const schemas = Object.values<LogEventDefinition>(logEvents).flatMap((definition) =>
    schemasOf(definition).map(([, schema]) => schema),
  )
  const texts = new Map(
    schemas.flatMap((schema) =>
      /^[`]|^list/.test(schema['x-form']) ? [] : [[schema['x-form'], schema['x-form-text']]],
    ),
  )
  return table(
    ['form', 'what it is'],
    [...texts].map(([name, text]) => [name, text]),
  )
}
