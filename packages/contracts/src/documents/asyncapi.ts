import type { TSchema } from '@sinclair/typebox'
import { Type } from '@sinclair/typebox'
import manifest from '../../../../package.json' with { type: 'json' }
import { errors } from '../errors.ts'
import type { EventDefinition } from '../events/event.ts'
import { type StreamDefinition, streams } from '../events/index.ts'
import { OneOf } from '../fields.ts'
import { Problem } from '../http/problem.ts'
import { rpcs } from '../rpc/index.ts'
import { version } from '../version.ts'
import { type Components, createComponents } from './components.ts'
import { exampleOf } from './example.ts'

const header = (description: string, example: string, options: object = {}) =>
  Type.String({ description, examples: [example], ...options })

const uuid = '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6'
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** CloudEvents 1.0 by the NATS Protocol Binding: binary mode. */
const eventHeaders = (type: string, source: string) =>
  Type.Object({
    'ce-specversion': header('Version of CloudEvents.', '1.0', { const: '1.0' }),
    'ce-id': header('Equal at every redelivery; also Nats-Msg-Id.', uuid),
    'ce-source': header('Publishing service.', source, { const: source }),
    'ce-type': header('The subject.', type, { const: type }),
    'ce-subject': header('Opaque id of the customer or challenge.', 'EN00000CY'),
    'ce-time': header('RFC 3339.', '2022-01-01T00:00:00.000Z', { format: 'date-time' }),
    'ce-datacontenttype': header('As content-type.', 'application/json', { const: 'application/json' }),
    'ce-traceparent': Type.Optional(header('As traceparent; absent without a trace.', traceparent)),
    'content-type': header('Type of the data.', 'application/json', { const: 'application/json' }),
    'Nats-Msg-Id': header('As ce-id: the stream drops a repeat within its window.', uuid),
    traceparent: Type.Optional(header('W3C Trace Context; absent without a trace.', traceparent)),
  })

const requestHeaders = Type.Object({
  traceparent: Type.Optional(header('W3C Trace Context; absent without a trace.', traceparent)),
})

/** An error reply, as the NATS services framework sends it (ADR-32). */
const ErrorReply = Type.Object({
  code: OneOf(Object.keys(errors)),
  errors: Type.Optional({ ...Problem.properties.errors, description: 'The refused fields of an invalid request.' }),
  retryAfterSeconds: Type.Optional(Type.Integer({ description: 'Set by an overloaded service.', examples: [2] })),
})

const errorHeaders = Type.Object({
  'Nats-Service-Error': header('Description, printable ASCII.', 'username is missing.'),
  'Nats-Service-Error-Code': header('The HTTP status that fits the error.', '400', { pattern: '^[45][0-9]{2}$' }),
})

const channelName = (subject: string) => subject.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase())
const pascal = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`
const refer = (path: string) => ({ $ref: `#/${path}` })

interface Message {
  name: string
  summary: string
  headers?: TSchema
  payload: TSchema
}

const messageOf = ({ schemaOf }: Components, { name, summary, headers, payload }: Message) => ({
  name,
  title: name,
  summary,
  contentType: 'application/json',
  ...(headers && { headers: schemaOf(headers) }),
  payload: schemaOf(payload),
  bindings: { nats: {} },
  examples: [{ name: 'example', ...(headers && { headers: exampleOf(headers) }), payload: exampleOf(payload) }],
})

const servers = { broker: refer('servers/broker') }
const onBroker = { servers: [servers.broker] }
const queue = { nats: { queue: 'q', bindingVersion: '0.1.0' } }

const description =
  'Events: CloudEvents 1.0 by the NATS Protocol Binding 1.0.3-wip: binary mode, percent-encoded header values, JSON data; ' +
  'stored by JetStream, at least once, in order for each customer. RPCs: NATS request/reply, found by `nats micro ls`.'

/** The AsyncAPI 3.1 document of the broker: every event and every RPC, as the services publish and serve them. */
export const asyncapi = () => {
  const components = createComponents()
  const channels: Record<string, object> = {}
  const operations: Record<string, object> = {}
  const messages: Record<string, object> = {}
  const add = (key: string, message: Message) => {
    messages[key] = messageOf(components, message)
    return refer(`components/messages/${key}`)
  }

  const addEvent = (stream: string, publisher: string, { type, summary, data }: EventDefinition) => {
    const name = channelName(type)
    const event = add(pascal(name), { name: type, summary, headers: eventHeaders(type, publisher), payload: data })
    channels[name] = {
      address: type,
      title: type,
      summary,
      description: `${summary} Stream ${stream}.`,
      ...onBroker,
      messages: { event },
      tags: [{ name: stream }],
    }
    operations[`publish${pascal(name)}`] = {
      action: 'send',
      title: `Publish ${type}`,
      summary,
      channel: refer(`channels/${name}`),
      messages: [refer(`channels/${name}/messages/event`)],
      tags: [{ name: stream }],
      bindings: { nats: { bindingVersion: '0.1.0' } },
    }
  }
  const addRpc = ({ subject, summary, request, reply }: (typeof rpcs)[number]) => {
    const name = channelName(subject)
    channels[name] = {
      address: subject,
      title: subject,
      summary,
      ...onBroker,
      messages: {
        request: add(`${pascal(name)}Request`, {
          name: `${subject} request`,
          summary,
          headers: requestHeaders,
          payload: request,
        }),
      },
      tags: [{ name: 'RPC' }],
    }
    channels[`${name}Reply`] = {
      address: null,
      title: `${subject}: reply`,
      description: 'The reply subject of the request.',
      ...onBroker,
      messages: {
        reply: add(`${pascal(name)}Reply`, { name: `${subject} reply`, summary: 'The reply.', payload: reply }),
        error: refer('components/messages/ErrorReply'),
      },
      tags: [{ name: 'RPC' }],
    }
    operations[`serve${pascal(name)}`] = {
      action: 'receive',
      title: subject,
      summary,
      channel: refer(`channels/${name}`),
      messages: [refer(`channels/${name}/messages/request`)],
      reply: {
        address: {
          location: '$message.header#/reply',
          description: 'The reply subject, which NATS sends beside the headers.',
        },
        channel: refer(`channels/${name}Reply`),
        messages: ['reply', 'error'].map((kind) => refer(`channels/${name}Reply/messages/${kind}`)),
      },
      tags: [{ name: 'RPC' }],
      bindings: queue,
    }
  }

  add('ErrorReply', {
    name: 'error reply',
    summary: 'The request was refused or failed.',
    headers: errorHeaders,
    payload: ErrorReply,
  })
  const list = Object.entries<StreamDefinition>(streams)
  for (const [stream, { events, publisher }] of list) for (const event of events) addEvent(stream, publisher, event)
  for (const rpc of rpcs) addRpc(rpc)

  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Rekey on NATS',
      version,
      description,
      contact: { name: 'The operator of this service' },
      license: { name: manifest.license },
      tags: [
        ...list.map(([name, { publisher, workQueue }]) => ({
          name,
          description: `Stream ${name}, published by ${publisher}${workQueue ? '; a work queue with one consumer' : ''}.`,
        })),
        {
          name: 'RPC',
          description: 'RPCs, served by the password-service; each service replays its own dead letters.',
        },
      ],
    },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: '{host}',
        protocol: 'nats',
        title: 'NATS with JetStream',
        description: 'The broker of the platform. Each service is a user of its own (deploy/nats/users).',
        variables: { host: { default: 'localhost:4222', description: 'Host and port.' } },
        security: [refer('components/securitySchemes/user')],
      },
    },
    channels,
    operations,
    components: {
      messages,
      schemas: components.schemas,
      securitySchemes: { user: { type: 'userPassword', description: 'Name and password of a broker user.' } },
    },
  }
}
