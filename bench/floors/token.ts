import { generateKeyPairSync } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import Fastify from 'fastify'

// The floor of A5, client_credentials: a schema, one EdDSA signature.

const { PORT = '0' } = process.env

const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
const sign = createSigner({ algorithm: 'EdDSA', key, kid: 'floor', expiresIn: 3_600_000 })

const text = { type: 'string', maxLength: 4_096 } as const
const app = Fastify()
app.post<{ Body: { client_id: string } }>(
  '/oauth/v2/token',
  {
    schema: {
      body: {
        type: 'object',
        required: ['grant_type', 'client_id', 'client_secret'],
        properties: { grant_type: text, client_id: text, client_secret: text },
      },
      response: {
        200: {
          type: 'object',
          properties: { access_token: text, token_type: text, expires_in: { type: 'integer' }, scope: text },
        },
      },
    },
  },
  async ({ body }) => ({
    access_token: sign({ sub: body.client_id, scope: 'REST:FULL', jti: crypto.randomUUID() }),
    token_type: 'bearer',
    expires_in: 3_600,
    scope: 'REST:FULL',
  }),
)
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
