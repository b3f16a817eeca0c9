import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { MessageStore } from './message-store.ts'
import { listPage, messagePage, missingPage, styles } from './pages.ts'

const GetMessage = { params: Type.Object({ id: Type.String() }) }

const pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
// A mail may use its own styles, but no scripts and no external resources, and has an origin of its own.
const mailPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

/** The pages of the inbox. */
export const pageRoutes: FastifyPluginAsyncTypebox<{ messages: MessageStore }> = async (app, { messages }) => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.type('text/html; charset=utf-8').headers({
      'content-security-policy': pagePolicy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
  })

  app.get('/', async () => listPage(messages.list().slice(0, 100), messages.list().length))

  app.get('/inbox.css', async (_request, reply) => reply.type('text/css; charset=utf-8').send(styles))

  app.get('/messages/:id', { schema: GetMessage }, async ({ params: { id } }, reply) => {
    const message = messages.find(id)
    return message ? messagePage(message) : reply.code(404).send(missingPage())
  })

  app.get('/messages/:id/html', { schema: GetMessage }, async ({ params: { id } }, reply) => {
    const message = messages.find(id)
    if (!message) return reply.code(404).send(missingPage())
    return reply.header('content-security-policy', mailPolicy).send(message.HTML)
  })
}
