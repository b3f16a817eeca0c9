import { consumedEvents, watchedEvents } from '../events/consumers.ts'
import type { EventDefinition } from '../events/event.ts'
import { deadLetters, type StreamDefinition, streams } from '../events/index.ts'
import { rpcCalls, rpcServerOf, rpcs } from '../rpc/index.ts'
import { shapeOf } from './shape.ts'

const days = (seconds: number) => `${seconds / 86_400} days`
const MiB = 1024 * 1024

/** Names of the lists that contain the item. */
const holders = <T>(lists: Record<string, readonly T[]>, item: T) =>
  Object.entries(lists).flatMap(([name, items]) => (items.includes(item) ? name : []))

const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const keeps = ({ workQueue, maxAgeSeconds, maxBytes, mostOfEachEvent }: StreamDefinition) =>
  [
    ...(workQueue ? ['work queue: a message is deleted once it is acknowledged'] : []),
    ...(maxAgeSeconds > 0
      ? [`${workQueue ? 'or after' : 'kept for'} ${days(maxAgeSeconds)}${workQueue ? '' : ' at least'}`]
      : []),
    ...(mostOfEachEvent === undefined
      ? []
      : [`at most ${mostOfEachEvent.toLocaleString('en')} of each event, beyond which the broker refuses that event`]),
    ...(maxBytes === undefined ? [] : [`created with a limit of ${maxBytes / MiB} MiB, which the operator changes`]),
  ].join(', ')

const row = (event: EventDefinition) => [
  `\`${event.type}\``,
  event.summary,
  `\`${shapeOf(event.data)}\``,
  [...holders(consumedEvents, event), ...holders(watchedEvents, event)].join(', '),
]

const streamSection = ([name, stream]: [string, StreamDefinition]) => `### Stream ${name}

Published by ${stream.publisher}; ${keeps(stream)}.

${table(['event', 'published when', 'data', 'consumed by'], stream.events.map(row))}`

/** The streams with their events, for docs/events.md. */
export const eventTables = (): string => `${Object.entries<StreamDefinition>(streams).map(streamSection).join('\n\n')}

### Stream ${deadLetters.name}

Published by each service; kept for ${days(deadLetters.maxAgeSeconds)}. Holds \`dead.<event>\` for every event that could not be handled or published. The header \`rekey-reason\` states why.`

/** The RPCs, for docs/events.md. */
export const rpcTable = (): string =>
  table(
    ['subject', 'does', 'request', 'reply', 'served by', 'called by'],
    rpcs.map((rpc) => [
      `\`${rpc.subject}\``,
      rpc.summary,
      `\`${shapeOf(rpc.request)}\``,
      `\`${shapeOf(rpc.reply)}\``,
      rpcServerOf(rpc),
      holders<unknown>(rpcCalls, rpc).join(', '),
    ]),
  )
