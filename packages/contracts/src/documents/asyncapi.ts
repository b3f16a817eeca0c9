import type { EventDefinition } from '../events/event.ts'
import { streams } from '../events/index.ts'
import { rpcs } from '../rpc/index.ts'
import { version } from '../version.ts'

const headers = {
  type: 'object',
  properties: Object.fromEntries(
    Object.entries({
      'ce-specversion': '1.0 (CloudEvents).',
      'ce-id': 'Equal at every redelivery; also Nats-Msg-Id.',
      'ce-source': 'Publishing service.',
      'ce-type': 'The subject.',
      'ce-subject': 'Opaque id of the customer or challenge.',
      'ce-time': 'RFC 3339.',
      'ce-datacontenttype': 'application/json, as content-type.',
      'ce-traceparent': 'As traceparent; absent without a trace.',
      'content-type': 'application/json.',
      traceparent: 'W3C Trace Context.',
    }).map(([name, description]) => [name, { type: 'string', description }]),
  ),
}

const channelName = (subject: string) => subject.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase())

const eventChannel = (stream: string, event: EventDefinition) => ({
  address: event.type,
  description: `${event.summary} Stream ${stream}.`,
  messages: {
    event: { name: event.type, contentType: 'application/json', headers, payload: event.data, summary: event.summary },
  },
})

/** The AsyncAPI 3.0 document of the broker: every event and every RPC. */
export const asyncapi = () => {
  const channels: Record<string, object> = {}
  const operations: Record<string, object> = {}
  for (const [stream, { events }] of Object.entries(streams)) {
    for (const event of events) {
      const name = channelName(event.type)
      channels[name] = eventChannel(stream, event)
      operations[`publish_${name}`] = { action: 'send', channel: { $ref: `#/channels/${name}` } }
    }
  }
  for (const rpc of rpcs) {
    const name = channelName(rpc.subject)
    channels[name] = {
      address: rpc.subject,
      description: rpc.summary,
      messages: { request: { payload: rpc.request }, reply: { payload: rpc.reply } },
    }
    operations[`answer_${name}`] = {
      action: 'receive',
      channel: { $ref: `#/channels/${name}` },
      messages: [{ $ref: `#/channels/${name}/messages/request` }],
      reply: { address: { location: '$message.header#/reply' }, channel: { $ref: `#/channels/${name}` } },
    }
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Rekey on NATS',
      version,
      description:
        'CloudEvents 1.0 by the NATS Protocol Binding 1.0.3-wip: binary mode, percent-encoded header values, JSON data.',
    },
    channels,
    operations,
  }
}
