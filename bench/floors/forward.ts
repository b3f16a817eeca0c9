import Fastify from 'fastify'
import { Pool } from 'undici'

// The first of two hops: passes each GET on, with pooled connections and nothing else.

const { PORT = '0', UPSTREAM_URL = '' } = process.env

const upstream = new Pool(UPSTREAM_URL, { connections: 50 })
const app = Fastify()
app.get('/*', async ({ url }, reply) => {
  const { statusCode, headers, body } = await upstream.request({ method: 'GET', path: url })
  reply.code(statusCode).header('content-type', headers['content-type'])
  return reply.send(Buffer.from(await body.arrayBuffer()))
})
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
