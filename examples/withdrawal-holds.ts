// A durable JetStream listener: keeps, for each customer, until when withdrawals must wait after a new password.
// Run it against the sandbox, then restore a password (examples/restore.ts):
//
//   npm start                                                    in one terminal
//   node_modules/.bin/node --env-file=.rekey/servers.env examples/withdrawal-holds.ts
//
// In production the operator makes the consumer, and the listener has a NATS user of its own: docs/operations.md, "The
// broker". Events and their fields: docs/events.md.
import { EventRefused, type ListenedEvent, readEvent } from '@rekey/contracts'
import { AckPolicy, connect, type JsMsg, type KV } from 'nats'

interface Hold {
  /** Id of the history record: a later change of a customer has a higher one. */
  changeId: number
  /** Missing: the change began no hold. */
  holdUntil?: string
}

/**
 * Stores the hold of the customer's latest change. It is safe to run twice: an event that comes again, or after a later
 * one, changes nothing.
 */
const storeHold = async (holds: KV, { data }: ListenedEvent) => {
  if (!('changeId' in data && data.changeId !== undefined)) return false
  const { customerId, changeId } = data
  const holdUntil = 'holdUntil' in data ? data.holdUntil : undefined
  const key = String(customerId)
  const entry = await holds.get(key)
  if (entry && entry.json<Hold>().changeId >= changeId) return false
  const hold: Hold = { changeId, ...(holdUntil && { holdUntil }) }
  // Fails if another instance stored a hold since `get`: the event is delivered again then.
  await holds.put(key, JSON.stringify(hold), { previousSeq: entry?.revision ?? 0 })
  return true
}

const handle = async (message: JsMsg, holds: KV) => {
  try {
    // Undefined: an event that this version of the contracts does not know.
    const event = readEvent(message)
    const isNew = event !== undefined && (await storeHold(holds, event))
    console.log(`${event?.type} ${event?.id}: ${isNew ? 'stored' : 'nothing new'}`)
    message.ack()
  } catch (error) {
    console.error(`${message.subject}: ${error}`)
    // No redelivery makes a malformed message valid. Anything else may work in a second.
    if (error instanceof EventRefused) message.term()
    else message.nak(1_000)
  }
}

const connection = await connect({ servers: process.env.NATS_URL ?? 'nats://localhost:4222', name: 'withdrawal-holds' })
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.drain())

const jetstream = connection.jetstream()
const holds = await jetstream.views.kv('withdrawal-holds')
// Durable: after a restart the broker goes on with the first event that was not acknowledged. Instances share it.
const durable_name = 'withdrawal-holds'
await (await connection.jetstreamManager()).consumers.add('PASSWORD', {
  durable_name,
  filter_subject: 'password.*',
  ack_policy: AckPolicy.Explicit,
})
const messages = await (await jetstream.consumers.get('PASSWORD', durable_name)).consume()
console.log('listening for password.*')
for await (const message of messages) await handle(message, holds)
