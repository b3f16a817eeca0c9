import { join } from 'node:path'
import { generateKeys } from '@rekey/local-servers/keys'
import { freePort } from '@rekey/local-servers/ports'
import { gatewayVariables, notifierVariables, passwordServiceVariables } from '@rekey/local-servers/topology'
import { startInbox } from '@rekey/test-support/inbox'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { fullHashes, noPace } from '@rekey/test-support/limits'
import { startLink } from '@rekey/test-support/link'
import { startRedisCluster } from '@rekey/test-support/redis-cluster'
import type { TestServer } from '@rekey/test-support/restartable'
import { startServiceProcess } from '@rekey/test-support/service-process'
import { startBrokers } from '../../tests/resilience/brokers.ts'
import { startDatabasePair } from './database-pair.ts'

const portOf = ({ url }: Pick<TestServer, 'url'>) => Number(new URL(url).port)

const atPort = (url: string, port: number) => {
  const moved = new URL(url)
  moved.port = String(port)
  return moved.href
}

/**
 * Two of each service on a Redis Cluster of three masters with a replica each, three NATS servers (streams have three
 * replicas), and Postgres with a synchronous standby. Clients and services reach the database, the gateways and the
 * password-services through a TCP balancer, as in a deployment.
 */
export const startCluster = async (t: Teardown, dir: string) => {
  const inbox = await startInbox()
  t.teardown(() => inbox.close())
  const links = await Promise.all(Array.from({ length: 3 }, startLink))
  for (const link of links) t.teardown(() => link.close())
  const [toGateways, toPasswordServices, toDatabase] = links as [
    (typeof links)[0],
    (typeof links)[0],
    (typeof links)[0],
  ]

  const [redis, brokers, databases] = await Promise.all([
    startRedisCluster(t, { replicated: true }),
    startBrokers(t, join(dir, 'nats'), 3),
    startDatabasePair(t, join(dir, 'postgres')),
  ])
  toDatabase.leadTo([portOf(databases.primary)])

  const keysDir = join(dir, 'keys')
  await generateKeys(keysDir, 'sandbox')
  const origin = `http://127.0.0.1:${toGateways.port}`
  const natsUrl = brokers.servers.map(({ url }) => url).join()
  const common = { profile: 'sandbox', publicUrl: origin, natsUrl, keysDir } as const
  const shared = { REKEY_STREAM_REPLICAS: '3', REKEY_LIMITS_SCALE: '1000000', ...noPace, ...fullHashes }
  const start = async (name: string, number: number, env: Record<string, string>) =>
    startServiceProcess(t, {
      name,
      dataDir: join(dir, `${name}-${number}`),
      env: { ...env, ...shared },
      startedAt: '/healthz',
      port: await freePort(),
    })
  const twice = (name: string, env: Record<string, string>) => Promise.all([start(name, 1, env), start(name, 2, env)])

  const passwordServices = await twice(
    'password-service',
    passwordServiceVariables({
      ...common,
      databaseUrl: atPort(databases.primaryUrl, toDatabase.port),
      gatewayUrl: origin,
    }),
  )
  toPasswordServices.leadTo(passwordServices.map(portOf))
  const gateways = await twice('auth-gateway', {
    ...gatewayVariables({
      ...common,
      redisUrl: redis.url,
      passwordServiceUrl: `http://127.0.0.1:${toPasswordServices.port}`,
    }),
    REKEY_REDIS_CLUSTER: 'true',
  })
  toGateways.leadTo(gateways.map(portOf))
  const notifiers = await twice(
    'notifier',
    notifierVariables({ ...common, smtpUrl: inbox.smtpUrl, smsUrl: inbox.httpUrl }),
  )

  return {
    origin,
    inbox,
    redis,
    brokers,
    databases,
    databaseUrl: atPort(databases.primaryUrl, toDatabase.port),
    gateways,
    passwordServices,
    notifiers,
    /** Leads the services to the standby, which has become the primary. */
    leadToStandby() {
      toDatabase.leadTo([portOf(databases.standby)])
      toDatabase.reset()
      toDatabase.heal()
    },
  }
}

export type Cluster = Awaited<ReturnType<typeof startCluster>>
