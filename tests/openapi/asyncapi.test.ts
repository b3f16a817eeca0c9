import { type EventDefinition, rpcs, type StreamDefinition, streams } from '@rekey/contracts'
import { asyncapi } from '@rekey/contracts/documents/asyncapi'
import { examplesOf, noExample } from '@rekey/contracts/documents/example'
import { compileValidationErrors } from '@rekey/platform/validation'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { restore, restoreGrant } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { connect, type MsgHdrs } from 'nats'
import t from 'tap'

type Schema = Parameters<typeof examplesOf>[0]

interface Message {
  name: string
  summary: string
  headers?: object
  payload: object
  examples: { headers?: object; payload: object }[]
}

const document = asyncapi()
const text = JSON.stringify(document)
const messages = Object.values(document.components.messages) as Message[]
const messageOf = (name: string) => messages.find((message) => message.name === name)
const events = Object.values<StreamDefinition>(streams).flatMap((stream): EventDefinition[] => stream.events)

/** Headers as an object, in the case in which they were sent. */
const fieldsOf = (headers: MsgHdrs | undefined) =>
  Object.fromEntries((headers?.keys() ?? []).map((name) => [name, headers?.get(name)]))

t.test('each event and each RPC is a channel with an operation and messages', async (t) => {
  const addresses = Object.values(document.channels).map((channel) => (channel as { address: string | null }).address)
  const subjects = [...events.map(({ type }) => type), ...rpcs.map(({ subject }) => subject)]
  t.same(addresses.filter((address) => address !== null).toSorted(), subjects.toSorted())
  t.equal(Object.keys(document.operations).length, subjects.length)
  for (const { type } of events) t.ok(messageOf(type)?.headers, type)
  for (const { subject } of rpcs) t.ok(messageOf(`${subject} request`) && messageOf(`${subject} reply`), subject)
})

t.test('each example is valid, and has no placeholder', async (t) => {
  const schemas: [name: string, schema: Schema][] = [
    ...events.map(({ type, data }): [string, Schema] => [type, data]),
    ...rpcs.flatMap(({ subject, request, reply }): [string, Schema][] => [
      [`${subject} request`, request],
      [`${subject} reply`, reply],
    ]),
  ]
  for (const [name, schema] of schemas) {
    for (const example of examplesOf(schema)) {
      t.same(compileValidationErrors(schema)(structuredClone(example)), [], name)
      t.same(JSON.stringify(example).match(new RegExp(`"\\w+":"${noExample}"`, 'g')), null, `${name}: needs examples`)
    }
    t.same(messageOf(name)?.examples[0]?.payload, examplesOf(schema)[0], name)
  }
})

t.test('each component is referenced, and each reference resolves', async (t) => {
  const references = new Set(text.match(/#\/components\/\w+\/\w+/g))
  const { messages, schemas, securitySchemes } = document.components
  const components = Object.entries({ messages, schemas, securitySchemes }).flatMap(([kind, entries]) =>
    Object.keys(entries).map((name) => `#/components/${kind}/${name}`),
  )
  t.same([...references].toSorted(), components.toSorted())
})

t.test('what the services publish and answer is as the document says', async (t) => {
  const rekey = await startRekey(t)
  const broker = await connect({ servers: rekey.nats.url })
  t.teardown(() => broker.close())
  const customer = await createCustomer(rekey.postgres.url)
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status, 204)

  const manager = await broker.jetstreamManager()
  const published = (type: string) =>
    eventually(
      async () => {
        const stream = type.startsWith('auth.') ? 'AUTH' : 'PASSWORD'
        return manager.streams.getMessage(stream, { last_by_subj: type })
      },
      { what: `the event ${type}` },
    )
  for (const type of ['auth.restore.requested', 'auth.challenge.verified', 'password.restored']) {
    const message = await published(type)
    const event = events.find((event) => event.type === type) as EventDefinition
    t.same(compileValidationErrors(messageOf(type)?.headers ?? {})(fieldsOf(message.header)), [], `headers of ${type}`)
    t.same(compileValidationErrors(event.data)(message.json()), [], `data of ${type}`)
  }

  const refused = await broker.request('customers.get', '{"username":1}')
  const error = messageOf('error reply')
  t.same(compileValidationErrors(error?.headers ?? {})(fieldsOf(refused.headers)), [])
  t.same(compileValidationErrors(error?.payload ?? {})(refused.json()), [])
})
