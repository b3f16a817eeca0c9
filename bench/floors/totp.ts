import { createHmac, generateKeyPairSync, timingSafeEqual } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import pg from 'pg'

// The floor of A5, mfa_otp: a schema, one prepared read of the secret, one HMAC, one Redis script that uses up the time
// step, and the EdDSA signature of floor `token`, since the answer is an access token.

const { PORT = '0', REDIS_URL = '', DATABASE_URL = '' } = process.env

/** Secret, time step, and code of RFC 6238 Appendix B at 59 s: the step is fixed so that each request can have this code. */
const secret = '12345678901234567890'
const step = 1

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 })
await pool.query(`
  CREATE TABLE IF NOT EXISTS factor (customer_id int PRIMARY KEY, secret text);
  INSERT INTO factor VALUES (1, '${secret}') ON CONFLICT DO NOTHING;`)

const readSecret = async (): Promise<string> => {
  const text = 'SELECT secret FROM factor WHERE customer_id = $1'
  const { rows } = await pool.query<{ secret: string }>({ name: 'secret', text, values: [1] })
  return rows[0]?.secret ?? ''
}

/** The code of the step (RFC 4226 §5.3). */
const codeOf = (secret: string): string => {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = mac.readUInt8(19) & 0xf
  return String((mac.readUInt32BE(offset) & 0x7f_ff_ff_ff) % 1_000_000).padStart(6, '0')
}

const redis = new Redis(REDIS_URL)
redis.defineCommand('takeStep', {
  numberOfKeys: 1,
  lua: `if tonumber(redis.call('GET', KEYS[1]) or 0) >= tonumber(ARGV[1]) then return 'used' end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', 90000)
    return 'taken'`,
})
type TakeStep = (key: string, step: number) => Promise<'taken' | 'used'>
const takeStep = (redis as unknown as { takeStep: TakeStep }).takeStep.bind(redis)

const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
const sign = createSigner({ algorithm: 'EdDSA', key, kid: 'floor', expiresIn: 3_600_000 })

const text = { type: 'string', maxLength: 4_096 } as const
const app = Fastify()
app.post<{ Body: { mfa_token: string; code: string } }>(
  '/oauth/v2/token',
  {
    schema: {
      body: {
        type: 'object',
        required: ['grant_type', 'mfa_token', 'code'],
        properties: { grant_type: text, mfa_token: text, code: { type: 'string', minLength: 6, maxLength: 6 } },
      },
      response: {
        200: {
          type: 'object',
          properties: { access_token: text, token_type: text, expires_in: { type: 'integer' }, scope: text },
        },
      },
    },
  },
  async ({ body: { mfa_token, code } }, reply) => {
    const isRight = timingSafeEqual(Buffer.from(codeOf(await readSecret())), Buffer.from(code))
    if (!isRight || (await takeStep(`floor:${mfa_token}`, step)) === 'used') return reply.code(400).send({})
    return {
      access_token: sign({ sub: mfa_token, scope: 'CUSTOMER:FULL', jti: crypto.randomUUID() }),
      token_type: 'bearer',
      expires_in: 3_600,
      scope: 'CUSTOMER:FULL',
    }
  },
)
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
