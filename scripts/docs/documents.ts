import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { asyncapi } from '@rekey/contracts/documents/asyncapi'
import { brokerPermissions } from '@rekey/contracts/documents/broker-permissions'
import { clientTypes } from '@rekey/contracts/documents/client-types'
import { eventTables, rpcTable } from '@rekey/contracts/documents/event-tables'
import { eventTypes } from '@rekey/contracts/documents/event-types'
import { logEventTables, logFieldTable, logFormTable } from '@rekey/contracts/documents/log-tables'
import { openapi } from '@rekey/contracts/documents/openapi'
import { valuesSchemaFile } from '../chart/values-schema.ts'
import { dashboardFiles } from '../dashboards/dashboards.ts'
import { auditExamples, auditTable } from './audit-tables.ts'
import { documentedMetrics, metricsTable } from './metrics.ts'
import { securityDocument } from './security.ts'
import { smsTable } from './sms-table.ts'

const root = resolve(import.meta.dirname, '../..')
const json = (document: object) => `${JSON.stringify(document, null, 2)}\n`

const read = (name: string) => {
  try {
    return readFileSync(join(root, name), 'utf8')
  } catch {
    return ''
  }
}

/** Replaces the text between `<!-- NAME: generated -->` and `<!-- end -->`. @throws Error if the page has no such markers */
export const replaceSection = (page: string, name: string, text: string): string => {
  const section = new RegExp(`(<!-- ${name}: generated -->\\n)[^]*?(<!-- end -->)`)
  if (!section.test(page)) throw new Error(`no section "${name}"`)
  return page.replace(section, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`)
}

/** docs/events.md is written by hand but for its tables. */
const eventsPage = () =>
  replaceSection(replaceSection(read('docs/events.md'), 'streams', eventTables()), 'rpcs', rpcTable())

/** A page that is written by hand but for these sections. */
const pageWith = (name: string, sections: Record<string, string>) =>
  Object.entries(sections).reduce((page, [section, text]) => replaceSection(page, section, text), read(name))

/** docs/metrics.md, and the same for programs. */
const metricsDocuments = async () => {
  const metrics = await documentedMetrics()
  return {
    'docs/metrics.md': replaceSection(read('docs/metrics.md'), 'metrics', metricsTable(metrics)),
    'docs/metrics.json': json(metrics),
  }
}

/** Text of each generated file, by its path. */
const documents = async (): Promise<Record<string, string>> => ({
  ...(await metricsDocuments()),
  'docs/openapi.json': json(openapi()),
  'docs/asyncapi.json': json(asyncapi()),
  'docs/events.md': eventsPage(),
  'docs/logs.md': pageWith('docs/logs.md', {
    events: logEventTables(),
    fields: logFieldTable(),
    forms: logFormTable(),
  }),
  'docs/audit.md': pageWith('docs/audit.md', { activities: auditTable(), examples: auditExamples() }),
  'docs/messages.md': replaceSection(read('docs/messages.md'), 'sms', smsTable()),
  'packages/client/src/contract.ts': clientTypes(),
  'packages/contracts/src/events/event-data.ts': eventTypes(),
  'docs/security.md': securityDocument(root),
  'deploy/helm/rekey/values.schema.json': valuesSchemaFile(),
  ...dashboardFiles(),
  ...Object.fromEntries(
    Object.entries(brokerPermissions()).map(([user, text]) => [`deploy/nats/users/${user}.conf`, text]),
  ),
})

/** Paths of the generated files whose text differs from what the contracts and the tests give now. */
export const staleDocuments = async (): Promise<string[]> =>
  Object.entries(await documents()).flatMap(([name, text]) => (read(name) === text ? [] : [name]))

export const writeDocuments = async (): Promise<void> => {
  for (const [name, text] of Object.entries(await documents())) writeFileSync(join(root, name), text)
}
