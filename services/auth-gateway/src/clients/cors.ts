import cors from '@fastify/cors'
import type { Server } from '@rekey/platform/server'
import type { Infrastructure } from '../infrastructure.ts'
import type { ClientRegistry } from './client-registry.ts'
import { createRefusedOrigins } from './refused-origins.ts'

interface Deps extends Pick<Infrastructure, 'log' | 'now'>, Pick<ClientRegistry, 'allowsOrigin'> {
  publicUrl: string
}

/** CORS for the origins that clients have registered; in the sandbox for development servers too. */
export const registerCors = async (app: Server, { allowsOrigin, publicUrl, log, now }: Deps) => {
  const refused = createRefusedOrigins({ ownOrigin: new URL(publicUrl).origin, log, now })
  await app.register(cors, {
    origin(origin, answer) {
      const isAllowed = origin !== undefined && allowsOrigin(origin)
      if (origin !== undefined && !isAllowed) refused.report(origin)
      answer(null, isAllowed)
    },
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'successtoken', 'traceparent'],
    exposedHeaders: [
      'retry-after',
      'ratelimit',
      'ratelimit-policy',
      'ratelimit-limit',
      'ratelimit-remaining',
      'ratelimit-reset',
      'www-authenticate',
    ],
    maxAge: 600,
    strictPreflight: false,
  })
}
