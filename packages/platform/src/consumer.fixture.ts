import { deadLetters, LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import type { Test } from 'tap'
import type { startBroker } from './broker.fixture.ts'
import { consume } from './consumer.ts'

type Parts = Awaited<ReturnType<typeof startBroker>>

/** Publishes the event of `consumerInfo`, once the broker can store it. */
export const publishLogin = ({ publisher }: Parts, account: string, id?: string) =>
  eventually(
    async () => {
      const event = { subject: account, data: { account, clientId: 'ib_localhost', ip: '203.0.113.7' } }
      await publisher.publish(LoginFailed, id ? { ...event, id } : event)
      return true
    },
    { what: 'the event to be stored' },
  )

export const deadLettersOf = async ({ broker }: Parts) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  const { state } = await jsm.streams.info(deadLetters.name)
  const numbers = Array.from({ length: state.messages }, (_, index) => state.first_seq + index)
  return Promise.all(numbers.map((seq) => jsm.streams.getMessage(deadLetters.name, { seq })))
}

/** State of the durable consumer at the broker. */
export const consumerInfo = async ({ broker }: Parts) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  return jsm.consumers.info('AUTH', 'test-auth-login-failed')
}

/** Number of messages that are not acknowledged or not delivered. */
export const openWork = async (parts: Parts) => {
  const { num_ack_pending, num_pending } = await consumerInfo(parts)
  return num_ack_pending + num_pending
}

/** Starts another instance, waits until it has taken this many messages, and returns them. */
export const takeOver = async (t: Test, parts: Parts, count: number) => {
  const taken: string[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    handle: async ({ account }) => void taken.push(account),
  })
  t.teardown(() => consumer.close())
  // Messages on their way to the closed instance are redelivered once their `ack_wait` is over.
  await eventually(() => taken.length >= count, { timeoutMs: 30_000 })
  return taken
}
