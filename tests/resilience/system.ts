import { join } from 'node:path'
import { createDatabase } from '@rekey/local-servers/database'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import { startRedis } from '@rekey/local-servers/redis'
import type { RunningServer } from '@rekey/local-servers/server'
import { gatewayVariables, notifierVariables, passwordServiceVariables } from '@rekey/local-servers/topology'
import { startInbox } from '@rekey/test-support/inbox'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { type Link, startLink } from '@rekey/test-support/link'
import { restartable, type TestServer } from '@rekey/test-support/restartable'
import { startServiceProcess } from '@rekey/test-support/service-process'
import { startBrokers } from './brokers.ts'
import { wholePostgres } from './postgres.ts'

const portOf = ({ url }: { url: string }) => Number(new URL(url).port)

const throughLink = (url: string, link: Link) => {
  const linked = new URL(url)
  linked.port = String(link.port)
  return linked.href
}

/** Waits for all also if one fails, so that each has registered its teardown. */
const settleAll = async <const Starts extends readonly Promise<unknown>[]>(...starts: Starts) => {
  await Promise.allSettled(starts)
  return Promise.all(starts)
}

const linkNames = [
  'clients to auth-gateway',
  'auth-gateway to Redis',
  'auth-gateway to NATS',
  'auth-gateway to password-service',
  'password-service to auth-gateway',
  'password-service to NATS',
  'password-service to Postgres',
  'notifier to NATS',
  'notifier to SMTP',
  'notifier to SMS',
] as const
type LinkName = (typeof linkNames)[number]

const startLinks = async (t: Teardown): Promise<Record<LinkName, Link>> => {
  const links = await Promise.all(linkNames.map(async (name) => [name, await startLink()] as const))
  for (const [, link] of links) t.teardown(() => link.close())
  return Object.fromEntries(links) as Record<LinkName, Link>
}

const startStores = async (t: Teardown, dataDir: string) => {
  const startedServer = async (start: (port?: number) => Promise<RunningServer>) => {
    const server = await restartable(start)
    t.teardown(() => server.stop())
    return server
  }
  const [redis, server] = await settleAll(
    // Redis must not lose a second of writes: a spent code would be valid again.
    startedServer((port) => startRedis({ dataDir: join(dataDir, 'redis'), port, appendfsync: 'always' })),
    startedServer((port) => startPostgres({ dataDir: join(dataDir, 'postgres'), port })),
  )
  const databaseUrl = await createDatabase(server.url, 'rekey')
  await migrate({ databaseUrl })
  return { redis, postgres: wholePostgres(server), databaseUrl }
}

interface Options {
  /** NATS servers: more than one are a cluster. */
  brokers: number
  /** More variables, for every service that reads them. */
  env?: Record<string, string>
  /** Path that answers 200 once a service has started: `/healthz` if its servers may be unavailable then. */
  startedAt?: '/readyz' | '/healthz'
}

/**
 * The whole product as processes: two gateways, two password-services, a notifier; Redis, Postgres, one NATS server or
 * a cluster, and an inbox. Each connection between them passes a link that can be delayed, cut or stalled.
 */
export const startSystem = async (
  t: Teardown,
  dataDir: string,
  { brokers: count, env: given = {}, startedAt = '/readyz' }: Options,
) => {
  const inbox = await startInbox()
  t.teardown(() => inbox.close())
  const links = await startLinks(t)
  const [{ redis, postgres, databaseUrl }, brokers] = await settleAll(
    startStores(t, dataDir),
    startBrokers(t, join(dataDir, 'nats'), count),
  )
  const keysDir = join(dataDir, 'keys')
  await generateKeys(keysDir)

  const brokerPorts = brokers.servers.map(portOf)
  links['auth-gateway to Redis'].leadTo([portOf(redis)])
  links['auth-gateway to NATS'].leadTo(brokerPorts)
  links['password-service to NATS'].leadTo(brokerPorts)
  links['password-service to Postgres'].leadTo([portOf(postgres)])
  links['notifier to NATS'].leadTo(brokerPorts)
  links['notifier to SMTP'].leadTo([Number(new URL(inbox.smtpUrl).port)])
  links['notifier to SMS'].leadTo([portOf({ url: inbox.httpUrl })])

  // Never fails: after the last failure, checks must not use a connection that a client lost and has not closed yet.
  const cleanLink = await startLink()
  t.teardown(() => cleanLink.close())

  const origin = `http://127.0.0.1:${links['clients to auth-gateway'].port}`
  const throughPort = (name: LinkName, protocol = 'http') => `${protocol}://127.0.0.1:${links[name].port}`
  const common = (natsLink: LinkName) =>
    ({ profile: 'sandbox', publicUrl: origin, natsUrl: throughPort(natsLink, 'nats'), keysDir }) as const
  const start = (name: string, number: number, env: Record<string, string>) =>
    startServiceProcess(t, {
      name,
      dataDir: join(dataDir, `${name}-${number}`),
      startedAt,
      env: { ...env, REKEY_STREAM_REPLICAS: String(count), ...given },
    })
  const startPasswordService = (number: number) =>
    start('password-service', number, {
      ...passwordServiceVariables({
        ...common('password-service to NATS'),
        databaseUrl: throughLink(databaseUrl, links['password-service to Postgres']),
        gatewayUrl: throughPort('password-service to auth-gateway'),
      }),
      REKEY_LIMITS_SCALE: '1000',
    })
  const startGateway = (number: number) =>
    start('auth-gateway', number, {
      ...gatewayVariables({
        ...common('auth-gateway to NATS'),
        redisUrl: throughLink(redis.url, links['auth-gateway to Redis']),
        passwordServiceUrl: throughPort('auth-gateway to password-service'),
      }),
      REKEY_RESEND_SECONDS: '1',
      REKEY_LIMITS_SCALE: '1000',
    })
  const startNotifier = () =>
    start(
      'notifier',
      1,
      notifierVariables({
        ...common('notifier to NATS'),
        smtpUrl: throughPort('notifier to SMTP', 'smtp'),
        smsUrl: throughPort('notifier to SMS'),
      }),
    )
  const [gateways, passwordServices, notifier] = await settleAll(
    settleAll(startGateway(1), startGateway(2)),
    settleAll(startPasswordService(1), startPasswordService(2)),
    startNotifier(),
  )
  links['clients to auth-gateway'].leadTo(gateways.map(portOf))
  cleanLink.leadTo(gateways.map(portOf))
  links['password-service to auth-gateway'].leadTo(gateways.map(portOf))
  links['auth-gateway to password-service'].leadTo(passwordServices.map(portOf))

  const services: Record<string, TestServer> = {
    'auth-gateway 1': gateways[0],
    'auth-gateway 2': gateways[1],
    'password-service 1': passwordServices[0],
    'password-service 2': passwordServices[1],
    notifier,
  }
  const cleanOrigin = `http://127.0.0.1:${cleanLink.port}`
  const secretsFile = keyFiles(keysDir).passwordService
  return { origin, cleanOrigin, inbox, databaseUrl, secretsFile, links, services, redis, postgres, brokers }
}

export type System = Awaited<ReturnType<typeof startSystem>>
