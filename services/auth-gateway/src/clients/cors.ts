import cors from '@fastify/cors'
import type { Server } from '@rekey/platform/server'
import type { ClientRegistry } from './client-registry.ts'

/** CORS for the origins that clients have registered. */
export const registerCors = async (app: Server, { allowsOrigin }: Pick<ClientRegistry, 'allowsOrigin'>) => {
  await app.register(cors, {
    origin: (origin, answer) => answer(null, origin !== undefined && allowsOrigin(origin)),
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
