import { createSigner } from 'fast-jwt'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { connect, JSONCodec } from 'nats'

// The floor of A1: a schema, one Redis script, one HS256 JWT, one acknowledged JetStream publish.

const { PORT = '0', REDIS_URL = '', NATS_URL = '' } = process.env

const redis = new Redis(REDIS_URL)
redis.defineCommand('open', {
  numberOfKeys: 2,
  lua: `local asked = redis.call('INCR', KEYS[1])
    if asked == 1 then redis.call('PEXPIRE', KEYS[1], 600000) end
    redis.call('SET', KEYS[2], ARGV[1], 'PX', 600000)
    return asked`,
})
type Open = (account: string, challenge: string, value: string) => Promise<number>
const open = (redis as unknown as { open: Open }).open.bind(redis)

const nats = await connect({ servers: NATS_URL })
await (await nats.jetstreamManager()).streams.add({ name: 'RESTORES', subjects: ['restores'] })
const jetstream = nats.jetstream()
const codec = JSONCodec()

const sign = createSigner({ algorithm: 'HS256', key: 'a key of 32 bytes for the floors' })

const text = { type: 'string', maxLength: 256 } as const
const app = Fastify()
app.post<{ Body: { username: string; state: string } }>(
  '/oauth/v2/passwordRestore',
  {
    schema: {
      body: {
        type: 'object',
        required: ['client_id', 'redirect_uri', 'response_type', 'scope', 'source_system', 'state', 'username'],
        properties: {
          ...{ client_id: text, redirect_uri: text, response_type: text, scope: text, source_system: text },
          ...{ state: text, username: text },
        },
      },
      response: {
        200: {
          type: 'object',
          properties: { mfa_token: text, code: text, error: text, error_description: text, state: text },
        },
      },
    },
  },
  async ({ body: { username, state } }) => {
    const id = crypto.randomUUID()
    const code = String(Math.floor(Math.random() * 10_000)).padStart(4, '0')
    await open(`{floor}:account:${username}`, `{floor}:challenge:${id}`, code)
    await jetstream.publish('restores', codec.encode({ id, username, code }), { msgID: id })
    return {
      mfa_token: sign({ sub: id, scope: `mfa_token:${code}` }),
      code,
      error: 'mfa_code_required',
      error_description: 'Please confirm challenge with sent code',
      state,
    }
  },
)
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
