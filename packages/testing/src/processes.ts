import { join } from 'node:path'
import { generateKeys, keyFiles } from '@rekey/stack/keys'
import { freePort } from '@rekey/stack/ports'
import { createHttp } from './http.ts'
import { startInfrastructure, type Teardown } from './infrastructure.ts'
import { wideLimits } from './limits.ts'
import { startServiceProcess } from './service-process.ts'

interface Options {
  /** Variables that replace the sandbox's, for every service that reads them. */
  env?: Record<string, string>
  /** The same for the gateway alone. */
  gatewayEnv?: Record<string, string>
}

/** The whole product as processes of its own, each of which a test may kill and start again. */
export const startProcesses = async (t: Teardown, { env: given = {}, gatewayEnv = {} }: Options = {}) => {
  const infrastructure = await startInfrastructure(t, { redis: true, nats: true, postgres: true, inbox: true })
  const { dataDir } = infrastructure
  const keysDir = join(dataDir, 'keys')
  await generateKeys(keysDir)
  const keys = keyFiles(keysDir)
  const gatewayPort = await freePort()
  const url = `http://127.0.0.1:${gatewayPort}`
  const common = { REKEY_PROFILE: 'sandbox', NATS_URL: infrastructure.nats.url, REKEY_PUBLIC_URL: url }
  const start = (name: string, env: Record<string, string>, port?: number) =>
    startServiceProcess(t, {
      name,
      dataDir: join(dataDir, name),
      env: { ...common, ...env, ...given, ...(name === 'auth-gateway' && gatewayEnv) },
      ...(port !== undefined && { port }),
    })

  const passwordService = await start('password-service', {
    DATABASE_URL: infrastructure.postgres.url,
    REKEY_JWKS_URL: `${url}/.well-known/jwks.json`,
    REKEY_SECRETS_FILE: keys.passwordService,
    ...wideLimits,
  })
  const [gateway, notifier] = await Promise.all([
    start(
      'auth-gateway',
      {
        REDIS_URL: infrastructure.redis.url,
        REKEY_PASSWORD_SERVICE_URL: passwordService.url,
        REKEY_SIGNING_KEYS_FILE: keys.signingKeys,
        REKEY_SECRETS_FILE: keys.authGateway,
        ...wideLimits,
      },
      gatewayPort,
    ),
    start('notifier', {
      SMTP_URL: infrastructure.inbox.smtpUrl,
      REKEY_SMS_URL: `${infrastructure.inbox.httpUrl}/api/v1/sms`,
      REKEY_SECRETS_FILE: keys.notifier,
    }),
  ])
  return {
    ...infrastructure,
    http: createHttp(url),
    url,
    /** Paths of the files that hold the secrets. */
    keys,
    gateway,
    passwordService,
    notifier,
  }
}

export type Processes = Awaited<ReturnType<typeof startProcesses>>
