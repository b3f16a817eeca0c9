import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Message, MessageStore } from './message-store.ts'

const ListMessages = {
  querystring: Type.Object({
    start: Type.Integer({ minimum: 0, default: 0 }),
    limit: Type.Integer({ minimum: 0, maximum: 1_000, default: 50 }),
  }),
}
const GetMessage = { params: Type.Object({ id: Type.String() }) }
const SendSms = {
  body: Type.Object({
    id: Type.String({ minLength: 1, maxLength: 200 }),
    to: Type.String({ minLength: 1, maxLength: 100 }),
    text: Type.String({ minLength: 1, maxLength: 2_000 }),
  }),
}

const toSummary = ({ Text, HTML: _, ...message }: Message) => ({
  ...message,
  Snippet: Text.replace(/\s+/g, ' ').trim().slice(0, 250),
})

/**
 * The form of Mailpit's REST API (https://mailpit.axllent.org/docs/api-v1/), so that tests of this inbox also run against
 * Mailpit; and the SMS vendor of the sandbox.
 */
export const apiRoutes: FastifyPluginAsyncTypebox<{ messages: MessageStore }> = async (app, { messages }) => {
  app.get('/api/v1/messages', { schema: ListMessages }, async ({ query: { start, limit } }) => {
    const all = messages.list()
    const page = all.slice(start, start + limit).map(toSummary)
    return { total: all.length, count: page.length, messages_count: all.length, start, messages: page }
  })

  app.get('/api/v1/message/:id', { schema: GetMessage }, async ({ params: { id } }, reply) => {
    const message = id === 'latest' ? messages.list()[0] : messages.find(id)
    return message ?? reply.callNotFound()
  })

  app.delete('/api/v1/messages', async () => {
    messages.clear()
    return {}
  })

  app.post('/api/v1/sms', { schema: SendSms }, async ({ body: { id, to, text } }, reply) => {
    messages.add({
      MessageID: id,
      From: { Name: 'SMS', Address: '' },
      To: [{ Name: '', Address: to }],
      Subject: 'SMS',
      Size: Buffer.byteLength(text),
      Text: text,
      HTML: '',
    })
    return reply.code(202).send({ id })
  })
}
