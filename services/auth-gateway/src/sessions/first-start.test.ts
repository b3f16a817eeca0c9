import { join } from 'node:path'
import { generateKeys } from '@rekey/local-servers/keys'
import { gatewayVariables } from '@rekey/local-servers/topology'
import { loadConfig } from '@rekey/platform/config'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { declaredLines } from '@rekey/test-support/log-lines'
import t from 'tap'
import { createApp } from '../app.ts'
import { Env } from '../config.ts'

t.test('a gateway that starts with empty stores, before the other services, is ready', async (t) => {
  const { redis, nats, dataDir } = await startInfrastructure(t, { redis: true, nats: true })
  const keysDir = join(dataDir, 'keys')
  await generateKeys(keysDir, 'sandbox')
  const variables = gatewayVariables({
    profile: 'sandbox',
    publicUrl: 'http://127.0.0.1:8080',
    natsUrl: nats.url,
    keysDir,
    redisUrl: redis.url,
    passwordServiceUrl: 'http://127.0.0.1:1',
  })
  const destination = declaredLines(t, () => {})
  const app = await createApp(loadConfig(Env, { ...variables, PORT: '0' }), {
    log: createLogger({ name: 'auth-gateway', level: 'debug', destination }),
    metrics: createMetrics(),
    now: () => new Date(),
    random: systemRandom,
  })
  t.teardown(() => app.close())
  const isReady = async () => (await app.inject('/readyz')).statusCode === 200
  await eventually(isReady, { what: 'the gateway to be ready' })
  t.same((await app.inject('/readyz')).json().checks, { redis: 'ok', nats: 'ok', ended_sessions: 'ok' })
})
