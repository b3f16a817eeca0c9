import { type EventDefinition, type ListenedEvent, listenedEvents } from '@rekey/contracts'
import { exampleOf } from '@rekey/contracts/documents/example'
import { toOcsf } from '../audit/ocsf.ts'

/** An event with the example of its schema. */
const exampleEvent = ({ type, data }: EventDefinition) =>
  ({
    id: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
    source: type.startsWith('auth.') ? 'auth-gateway' : 'password-service',
    type,
    subject: 'EN00000CY',
    time: new Date('2022-01-01T00:00:00Z'),
    data: exampleOf(data),
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  }) as unknown as ListenedEvent

/** Class, activity, status and severity of each event, for docs/audit.md. Where they depend on the data: of the example. */
export const auditTable = (): string => {
  const rows = listenedEvents.map((definition) => {
    const line = toOcsf(exampleEvent(definition)) as Record<string, string> & { unmapped?: object }
    const unmapped = Object.keys(line.unmapped ?? {}).map((name) => `\`${name}\``)
    const activity = `${line.activity_id} ${line.activity_name}`
    return [`\`${definition.type}\``, line.class_uid, activity, line.status, line.severity, unmapped.join(' ')]
  })
  return [['event', 'class', 'activity', 'status', 'severity', 'in `unmapped`'], Array(6).fill('---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** Lines of some events, for docs/audit.md. */
export const auditExamples = (): string =>
  ['password.restored', 'auth.login.failed']
    .map((type) => {
      const definition = listenedEvents.find((event) => event.type === type) as EventDefinition
      return `\`${type}\`:\n\n\`\`\`json\n${JSON.stringify(toOcsf(exampleEvent(definition)), null, 2)}\n\`\`\``
    })
    .join('\n\n')
