import type { AddressInfo } from 'node:net'
import { compileValidator } from '@rekey/platform/validation'
import Fastify from 'fastify'
import { apiRoutes } from './api.routes.ts'
import { createMessageStore } from './message-store.ts'
import { pageRoutes } from './pages.routes.ts'
import { startSmtp } from './smtp.ts'

interface Options {
  host: string
  /** 0: any free port. */
  httpPort: number
  /** 0: any free port. */
  smtpPort: number
}

/**
 * Starts the sandbox's inbox: receives mail by SMTP and SMS by HTTP, and shows both on a page and by Mailpit's API. Keeps
 * the newest 1,000 messages in memory.
 * @throws Error EADDRINUSE if a port is busy
 */
export const createInbox = async ({ host, httpPort, smtpPort }: Options) => {
  const messages = createMessageStore({ capacity: 1_000 })
  const smtp = await startSmtp({ host, port: smtpPort, messages })

  const app = Fastify({ bodyLimit: 16 * 1024, forceCloseConnections: true })
  app.setValidatorCompiler(compileValidator)
  app.removeContentTypeParser('text/plain')
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => ({ status: 'ok', checks: { smtp: 'ok' } }))
  await app.register(apiRoutes, { messages })
  await app.register(pageRoutes, { messages })
  try {
    await app.listen({ host, port: httpPort })
  } catch (error) {
    await smtp.close()
    throw error
  }
  const { port } = app.server.address() as AddressInfo
  return {
    httpUrl: `http://${host}:${port}`,
    smtpUrl: `smtp://${host}:${smtp.port}`,
    /** The messages, newest first. */
    messages: messages.list,
    async close() {
      await Promise.all([app.close(), smtp.close()])
    },
  }
}
