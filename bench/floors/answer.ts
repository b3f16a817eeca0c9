import { generateKeyPairSync } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import Fastify from 'fastify'
import { Redis } from 'ioredis'

// The floor of A2 and B6: a schema, one Redis script that compares a code, one EdDSA signature.

const { PORT = '0', REDIS_URL = '' } = process.env

const redis = new Redis(REDIS_URL)
redis.defineCommand('answer', {
  numberOfKeys: 1,
  lua: `redis.call('SET', KEYS[1], ARGV[1], 'PX', 600000)
    local stored = redis.call('GET', KEYS[1])
    if stored ~= ARGV[1] then return 'wrong' end
    redis.call('DEL', KEYS[1])
    return 'right'`,
})
type Answer = (challenge: string, code: string) => Promise<'right' | 'wrong'>
const answer = (redis as unknown as { answer: Answer }).answer.bind(redis)

const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
const sign = createSigner({ algorithm: 'EdDSA', key, kid: 'floor', expiresIn: 600_000 })

const text = { type: 'string', maxLength: 4_096 } as const
const app = Fastify()
app.post<{ Body: { token: string; code: string } }>(
  '/answer',
  {
    schema: {
      body: { type: 'object', required: ['token', 'code'], properties: { token: text, code: text } },
      response: { 200: { type: 'object', properties: { successToken: text, expiresAt: text } } },
    },
  },
  async ({ body: { token, code } }, reply) => {
    if ((await answer(`floor:${token}`, code)) === 'wrong') return reply.code(400).send({})
    return {
      successToken: sign({ sub: token, scope: 'CUSTOMER:PASSWORD:RESTORE' }),
      expiresAt: new Date().toISOString(),
    }
  },
)
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
