import { LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startBroker } from './broker.fixture.ts'
import { consumeTogether } from './consume-together.ts'
import { consumerInfo } from './consumer.fixture.ts'
import { currentTrace, inSpan, inSpanOf } from './trace.ts'
import { traceToReceiver } from './tracing.fixture.ts'

t.test('events that are handled together have a span each, and the work of all is linked with them', async (t) => {
  const { receiver, close } = await traceToReceiver(t)
  const parts = await startBroker(t)
  const publish = (account: string) => {
    const event = { subject: account, data: { account, clientId: 'ib_localhost', ip: '203.0.113.7' } }
    const traceparent = `00-${account.repeat(32)}-${account.repeat(16)}-01`
    const created = { ...parts.publisher.event(LoginFailed, event), traceparent }
    return eventually(() => parts.publisher.send(created), { what: 'the event to be stored' })
  }
  const handling = Promise.withResolvers<void>()
  const batches: string[][] = []
  const consumer = consumeTogether(parts.deps, {
    event: LoginFailed,
    most: 16,
    async handle(events) {
      await inSpan({ name: 'statement', kind: 'client' }, async () =>
        batches.push(events.map(({ data }) => data.account)),
      )
      await Promise.all(
        events.map(({ inTrace }) => inTrace(() => inSpan({ name: 'own', kind: 'client' }, async () => {}))),
      )
      if (batches.length === 1) await handling.promise
      return events.map(({ data }) => (data.account === '4' ? new Error('planted') : undefined))
    },
  })
  await publish('1')
  await eventually(() => batches.length === 1)
  for (const account of '2345') await publish(account)
  await eventually(async () => (await consumerInfo(parts)).num_ack_pending === 5)
  handling.resolve()
  await eventually(() => batches.length >= 2)
  await consumer.close()
  await close(60_000)
  t.same(
    batches.slice(0, 2).map((batch) => batch.length),
    [1, 4],
  )

  const named = (name: string) => receiver.spans.filter((span) => span.name === name)
  const spanOf = (account: string) =>
    named('process auth.login.failed').find(({ traceId }) => traceId === account.repeat(32))
  const parentOf = (parentSpanId: string | undefined) => receiver.spans.find(({ spanId }) => spanId === parentSpanId)
  const [together] = named('process auth.login.failed together')
  const [alone, ofAll] = named('statement')
  t.equal(alone?.parentSpanId, spanOf('1')?.spanId, 'the work of one event is its child')
  t.equal(ofAll?.parentSpanId, together?.spanId)
  const [first, ...others] = batches[1]?.map(spanOf) ?? []
  t.equal(together?.parentSpanId, first?.spanId, 'the work of several is a child of the first')
  t.same(
    together?.links.map(({ spanId }) => spanId),
    others.map((span) => span?.spanId),
    'linked to the others',
  )
  for (const span of others) t.same(span?.links, [{ traceId: together?.traceId, spanId: together?.spanId }], 'and back')
  t.same(
    [...'12345'].map((account) => parentOf(spanOf(account)?.parentSpanId)?.name),
    Array.from({ length: 5 }, () => 'send auth.login.failed'),
    'each is a child of its publication',
  )
  t.same(
    named('own')
      .slice(0, 5)
      .map(({ parentSpanId }) => parentOf(parentSpanId)?.name)
      .toSorted(),
    Array.from({ length: 5 }, () => 'process auth.login.failed'),
  )
  t.equal(spanOf('4')?.isError, true)
  t.equal(spanOf('2')?.isError, false)
})

t.test('an event that nobody records is published with its own trace', async (t) => {
  const { receiver, close } = await traceToReceiver(t)
  const unsampled = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`
  const span = () => ({ name: 'send', kind: 'producer' }) as const
  t.equal(await inSpanOf(unsampled, span, async (traceparent) => traceparent), unsampled)
  t.equal(await inSpanOf(undefined, span, async (traceparent) => traceparent ?? 'none'), 'none')
  t.equal(currentTrace(), undefined)
  await close(60_000)
  t.same(receiver.spans, [])
})
