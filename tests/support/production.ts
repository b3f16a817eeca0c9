import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import type { BrokerUser } from '@rekey/local-servers/keys'
import { generateKeys } from '@rekey/local-servers/keys'
import { freePort } from '@rekey/local-servers/ports'
import { gatewayVariables, notifierVariables, passwordServiceVariables } from '@rekey/local-servers/topology'
import { type Certificate, writeCertificate } from './certificate.ts'
import { startDeployedBroker } from './deployed-broker.ts'
import { startDeployedDatabase } from './deployed-database.ts'
import { startDeployedRedis } from './deployed-redis.ts'
import { createHttp } from './http.ts'
import { startInfrastructure, type Teardown } from './infrastructure.ts'
import { startServiceProcess } from './service-process.ts'

/** Clients of a bank: production accepts none of the sandbox's. */
export const bankClient = { client_id: 'bank_web', redirect_uri: 'https://bank.example/back' }
const contact = '+44 20 7946 0123'
export const backOffice = { client_id: 'back_office', client_secret: 'a secret that is only here' }

const clients = [
  {
    client_id: bankClient.client_id,
    type: 'public',
    redirect_uris: [bankClient.redirect_uri],
    origins: [],
    scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE'],
  },
  {
    client_id: backOffice.client_id,
    type: 'confidential',
    secret_sha256: createHash('sha256').update(backOffice.client_secret).digest('hex'),
    redirect_uris: [],
    origins: [],
    scopes: ['REST:FULL'],
  },
]

/** Starts an SMTP listener with TLS in front of one without. */
const startSecureSmtp = async (t: Teardown, smtpUrl: string, { certFile, keyFile }: Certificate) => {
  const port = Number(new URL(smtpUrl).port)
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (secure) => {
    const plain = connect(port, '127.0.0.1')
    for (const socket of [secure, plain]) socket.on('error', () => {})
    secure.pipe(plain).pipe(secure)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  return `smtps://localhost:${(server.address() as AddressInfo).port}`
}

/**
 * Starts what production needs: its own keys, the broker of deploy/nats, the database of deploy/postgres, the Redis of
 * deploy/redis and a mail server, all over TLS. Returns the variables of each service.
 */
export const prepareProduction = async (t: Teardown) => {
  const { dataDir, inbox } = await startInfrastructure(t, { inbox: true })
  const keysDir = join(dataDir, 'keys')
  await generateKeys(keysDir)
  const certificate = await writeCertificate(dataDir)
  const clientsFile = join(dataDir, 'clients.json')
  writeFileSync(clientsFile, JSON.stringify(clients))
  const [broker, database, redis, smtpUrl, gatewayPort, passwordServicePort] = await Promise.all([
    startDeployedBroker(t, { dataDir: join(dataDir, 'nats'), keysDir, certificate }),
    startDeployedDatabase(t, { dataDir: join(dataDir, 'postgres'), certificate }),
    startDeployedRedis(t, { dataDir: join(dataDir, 'redis'), certificate }),
    startSecureSmtp(t, inbox.smtpUrl, certificate),
    freePort(),
    freePort(),
  ])
  const url = `http://127.0.0.1:${gatewayPort}`
  const common = { profile: 'production', publicUrl: url, natsUrl: broker.server.url, keysDir } as const
  const ofProduction = (user: BrokerUser) => ({
    ...broker.access(user),
    NODE_EXTRA_CA_CERTS: certificate.certFile,
    // No load balancer has to notice that it ends.
    REKEY_DRAIN_SECONDS: '0',
  })
  return {
    dataDir,
    keysDir,
    redis,
    inbox,
    broker,
    database,
    url,
    ports: { 'auth-gateway': gatewayPort, 'password-service': passwordServicePort },
    /** Variables with which each service starts. */
    variables: {
      'auth-gateway': {
        ...gatewayVariables({
          ...common,
          redisUrl: redis.url,
          passwordServiceUrl: `http://127.0.0.1:${passwordServicePort}`,
        }),
        ...ofProduction('auth-gateway'),
        REKEY_CLIENTS_FILE: clientsFile,
        REKEY_CONTACT: contact,
      },
      'password-service': {
        ...passwordServiceVariables({ ...common, databaseUrl: database.service, gatewayUrl: url }),
        ...ofProduction('password-service'),
        // This notifier has no SMS vendor.
        REKEY_SMS_CODES: 'false',
        REKEY_RESTORE_PROOFS: 'enrolled',
      },
      notifier: {
        ...notifierVariables({ ...common, smtpUrl }),
        ...ofProduction('notifier'),
        REKEY_MAIL_FROM: 'Bank <no-reply@bank.example>',
        REKEY_CONTACT: contact,
      },
    },
  }
}

/** Starts each service as a process in the production profile, on {@link prepareProduction}. */
export const startProduction = async (t: Teardown) => {
  const prepared = await prepareProduction(t)
  const { dataDir, ports, variables, url } = prepared
  const start = (name: keyof typeof variables, port?: number) =>
    startServiceProcess(t, {
      name,
      dataDir: join(dataDir, name),
      env: variables[name],
      ...(port !== undefined && { port }),
    })
  await Promise.all([
    start('auth-gateway', ports['auth-gateway']),
    start('password-service', ports['password-service']),
    start('notifier'),
  ])
  return { ...prepared, http: createHttp(url) }
}
