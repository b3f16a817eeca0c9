import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { audiences, challengeType, parseUsername, type StreamName, scopes } from '@rekey/contracts'
import { generateKeys } from '@rekey/local-servers/keys'
import { passwordServiceVariables } from '@rekey/local-servers/topology'
import { createApp } from '@rekey/password-service/app'
import { Env } from '@rekey/password-service/config'
import { connectBroker } from '@rekey/platform/broker'
import { loadConfig } from '@rekey/platform/config'
import { toKeys } from '@rekey/platform/keys'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { createPublisher } from '@rekey/platform/publisher'
import { systemRandom } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'
import { nextStored } from '@rekey/platform/stored-events'
import { ensureStreams } from '@rekey/platform/streams'
import type pg from 'pg'
import { createClock } from './clock.ts'
import { sql } from './customers.ts'
import { requireDocumentedAnswers } from './documented-answers.ts'
import { eventually } from './eventually.ts'
import { createHttp } from './http.ts'
import { startInfrastructure, type Teardown } from './infrastructure.ts'
import { startIssuer } from './issuer.ts'
import { cheapHashes, noPace } from './limits.ts'
import { declaredLines } from './log-lines.ts'
import { patiently } from './patiently.ts'
import { startServiceProcess } from './service-process.ts'

interface Options {
  /** Variables that replace those of the sandbox. */
  env?: Record<string, string>
  /** Starts a Postgres server for this service alone, which the test may stop and restart. */
  privatePostgres?: boolean
}

const issuer = 'http://localhost:8080'

/** A session epoch that no event reaches: a test of sessions sets its own. */
const lastEpoch = 2_147_483_647

interface CustomerOptions {
  emails?: string[]
  phones?: string[]
  unconfirmed?: string[]
  status?: 'active' | 'blocked'
  /** Stored unchanged. */
  hash?: string
  temporaryUntil?: Date
}

/** Starts a password-service in this process, on a real database and broker. One clock moves it and the tokens. */
export const startPasswordService = async (t: Teardown, { env = {}, privatePostgres = false }: Options = {}) => {
  requireDocumentedAnswers(t)
  const { dataDir, nats, postgres } = await startInfrastructure(t, {
    nats: true,
    postgres: privatePostgres ? 'private' : true,
  })
  const gateway = await startIssuer(t)
  const clock = createClock()
  const keysDir = join(dataDir, 'keys')
  await generateKeys(keysDir, 'sandbox')
  const variables = {
    ...passwordServiceVariables({
      profile: 'sandbox',
      publicUrl: issuer,
      natsUrl: nats.url,
      databaseUrl: postgres.url,
      gatewayUrl: gateway.url,
      keysDir,
    }),
    PORT: '0',
    ...noPace,
    ...cheapHashes,
    ...env,
  }
  const config = loadConfig(Env, variables)
  const usernameKey = toKeys(config.REKEY_USERNAME_SEAL_KEY)
  const addressKey = toKeys(config.REKEY_ADDRESS_SEAL_KEY)
  const reportKey = toKeys(config.REKEY_REPORT_KEY)

  const metrics = createMetrics()
  const lines: string[] = []
  const destination = declaredLines(t, (line) => void lines.push(line))
  const start = async (otherVariables: Record<string, string> = {}, itsMetrics = createMetrics()) => {
    const log = createLogger({ name: 'password-service', level: 'debug', destination })
    const app = await createApp(loadConfig(Env, { ...variables, ...otherVariables }), {
      log,
      metrics: itsMetrics,
      now: clock.now,
      random: systemRandom,
    })
    t.teardown(() => app.close())
    return { app, url: await app.listen({ host: '127.0.0.1', port: 0 }) }
  }

  const broker = connectBroker({
    url: nats.url,
    name: 'test',
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
  })
  t.teardown(() => broker.close())
  ensureStreams(broker, ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE'], {
    REKEY_PROFILE: 'sandbox',
    REKEY_STREAM_REPLICAS: 1,
  })
  const publisher = createPublisher({ broker, source: 'auth-gateway', now: clock.now, random: systemRandom })
  const manager = async () => (await broker.connected()).jetstreamManager()
  await eventually(async () => (await manager()).streams.info('AUTH'), { what: 'the streams' })

  const query = <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
    sql<Row>(postgres.url, text, values)

  const { app, url } = await start({}, metrics)
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, { what: 'the service to be ready' })

  const claims = (more: object) => {
    const iat = Math.floor(clock.now().getTime() / 1_000)
    const session = { sid: systemRandom.id(), session_epoch: lastEpoch }
    return { iss: issuer, jti: systemRandom.id(), iat, exp: iat + 600, client_id: 'ib_localhost', ...session, ...more }
  }

  // Tests with a Postgres of their own stop it, and expect the 503.
  const http = createHttp(url, { isPatient: !privatePostgres })

  /** An access token of a customer; `more` replaces claims. */
  const bearer = (sub: string, scope: string = scopes.full, more: object = {}) =>
    `Bearer ${gateway.token(claims({ aud: [audiences.api], sub, scope, ...more }))}`

  /** A success token. `sub` is the customer's code for a change, the challenge for a restore. */
  const grant = (
    purpose: 'change' | 'restore' | 'changeFactors',
    sub: string,
    more: object = {},
    header: object = {},
  ) =>
    gateway.token(
      claims({
        aud: [audiences.grant],
        sub,
        scope: purpose === 'restore' ? scopes.restore : scopes.change,
        purpose,
        challenge_id: purpose === 'restore' ? sub : systemRandom.id(),
        ...more,
      }),
      header,
    )

  return {
    app,
    url,
    http,
    nats,
    /** Folder of the broker's data. */
    natsDataDir: join(dataDir, 'nats'),
    postgres: postgres.server,
    clock,
    /** Metrics of the first instance. */
    metrics,
    broker,
    publisher,
    query,
    variables,
    closeIssuer: gateway.close,
    /** Starts another instance, by default on the same database and broker. */
    startAnother: (otherVariables: Record<string, string> = {}) => start(otherVariables),
    /** Starts another instance as a process, which the test may kill. */
    startProcess: (number: number) =>
      startServiceProcess(t, {
        name: 'password-service',
        dataDir: join(dataDir, `password-service-${number}`),
        env: variables,
      }),
    logs: () => lines.join(''),
    logged: (event: string): Record<string, unknown>[] =>
      lines.map((line) => JSON.parse(line)).filter((line) => line.event === event),

    bearer,
    grant,

    /**
     * B1 with valid tokens, at another instance if its URL is given. A busy machine may answer 503 because too many
     * passwords wait to be hashed: sent again then.
     */
    change: ({ code }: { code: string }, at = url) => {
      const headers = { authorization: bearer(code), successToken: grant('change', code) }
      return patiently(() => createHttp(at).post('/api/v2/my/password/change', { password: 'Qwerty123' }, headers))
    },

    /** A new customer, by default with one confirmed address. */
    async customer({ emails, phones = [], unconfirmed = [], status, hash, temporaryUntil }: CustomerOptions = {}) {
      const code = `EN${randomBytes(4).toString('hex').toUpperCase()}`
      const addresses = [...(emails ?? [`${code.toLowerCase()}@example.com`]), ...phones].map(parseUsername)
      const [row] = await query<{ id: number }>(
        `INSERT INTO customer (code, locale, timezone, status) VALUES ($1, 'en-GB', 'Europe/London', $2) RETURNING id`,
        [code, status ?? 'active'],
      )
      if (!row) throw new Error('no customer')
      const all = [...addresses, ...unconfirmed.map(parseUsername)]
      for (const [index, { kind, value }] of all.entries()) {
        await query('INSERT INTO identifier (customer_id, kind, value, verified_at) VALUES ($1, $2, $3, $4)', [
          row.id,
          kind,
          value,
          index < addresses.length ? new Date() : null,
        ])
      }
      if (hash) {
        await query(
          `INSERT INTO credential (customer_id, hash, must_change, temporary_until, updated_at)
           VALUES ($1, $2, $3, $4, now())`,
          [row.id, hash, temporaryUntil !== undefined, temporaryUntil ?? null],
        )
      }
      return { id: row.id, code, addresses: addresses.map(({ value }) => value), devices: addresses.map(challengeType) }
    },

    /** Stores the restore request that a correct code leaves. @returns the challenge's id */
    async restoreOf(customerId: number) {
      const challengeId = systemRandom.id()
      await query(`INSERT INTO restore_request VALUES ($1, $2, now() + interval '1 day')`, [challengeId, customerId])
      return challengeId
    },

    sealUsername: (context: string, username: string) => seal(usernameKey, context, username),
    openUsername: (context: string, sealed: string) => unseal<string>(usernameKey, context, sealed),
    /** The token of a report link as earlier versions made it. */
    sealReportToken: (content: unknown[]) => seal(reportKey, 'report', content),
    openAddress: <T>(context: string, sealed: string) => unseal<T>(addressKey, context, sealed),

    /** The events of a stream with this `ce-subject`, in order. */
    async events(stream: StreamName | 'DEAD', subject: string) {
      const jsm = await manager()
      const found = []
      for (let seq = 1; ; ) {
        const message = await nextStored(jsm, stream, seq)
        if (!message) return found
        seq = message.seq + 1
        if (message.header.get('ce-subject') !== subject) continue
        const header = (name: string) => message.header.get(name)
        found.push({
          id: header('ce-id'),
          type: header('ce-type'),
          source: header('ce-source'),
          messageId: header('Nats-Msg-Id'),
          time: header('ce-time'),
          data: message.json<Record<string, string>>(),
        })
      }
    },

    /** Waits until every outbox event is published. */
    outboxEmpty: () =>
      eventually(async () => (await query('SELECT FROM outbox WHERE published_at IS NULL LIMIT 1')).length === 0, {
        what: 'an empty outbox',
      }),
  }
}
