import { parseArgs } from 'node:util'
import { Type } from '@sinclair/typebox'
import { brokerAccess, hasBrokerCredentials } from '../packages/platform/src/broker-access.ts'
import { connectNats } from '../packages/platform/src/broker-transport.ts'
import { loadConfig, serviceEnv } from '../packages/platform/src/config.ts'
import { setUpConsumers } from './audit/consumers.ts'
import { exportEvents } from './audit/export.ts'
import { fileOutput, standardOutput } from './audit/output.ts'

const usage = `npm run audit [-- OPTIONS]
  Writes security events as OCSF, one JSON object a line, for a SIEM: docs/audit.md. Each event at least once; a repeated
  line has the same metadata.uid. Without --follow it ends when no event waits; the next run goes on from there.

    --follow        goes on until SIGTERM or SIGINT
    --file PATH     appends to the file and syncs it to the disk; without it writes to standard output
    --since TIME    begins at TIME (RFC 3339), and exports again what was exported since; needs the user streams
    --setup         creates the consumers and ends; in production run it once as the user streams
    --domain NAME   JetStream domain of the consumers; REKEY if there are credentials, as deploy/nats has it; '' for none

  Reads these from the environment or from the file REKEY_SECRETS_FILE (in the sandbox .rekey/servers.env):
    NATS_URL, NATS_CA_FILE                 the broker
    NATS_NKEY_FILE                         the key of the user audit; or NATS_CREDENTIALS_FILE, or NATS_USER and NATS_PASSWORD`

const { NATS_URL, NATS_CA_FILE, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE, NATS_USER, NATS_PASSWORD } = serviceEnv
const Env = Type.Object({ NATS_URL, NATS_CA_FILE, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE, NATS_USER, NATS_PASSWORD })

/** @throws Error unless the text is a time with its zone */
const readTime = (text: string): Date => {
  const time = new Date(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/i.test(text) ? text : Number.NaN)
  if (Number.isNaN(time.getTime())) throw new Error('--since needs a time such as 2026-01-31T10:00:00Z')
  return time
}

const options = {
  help: { type: 'boolean', short: 'h' },
  follow: { type: 'boolean' },
  file: { type: 'string' },
  since: { type: 'string' },
  setup: { type: 'boolean' },
  domain: { type: 'string' },
} as const

const run = async () => {
  const { values } = parseArgs({ options })
  if (values.help) return console.log(usage)
  const since = values.since === undefined ? undefined : readTime(values.since)
  const config = loadConfig(Env, process.env)
  const { url, ...access } = brokerAccess(config)
  const stopped = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stopped.abort())
  // Consumers are created in the account of the streams, whose user has another prefix than the export.
  const sets = values.setup === true || since !== undefined
  const hasCredentials = hasBrokerCredentials(config)
  const connection = await connectNats({
    ...access,
    servers: url.split(','),
    name: 'audit',
    inboxPrefix: sets && hasCredentials ? '_INBOX.streams' : '_INBOX.audit',
    timeout: 5_000,
    maxReconnectAttempts: values.follow ? -1 : 10,
    reconnectTimeWait: 500,
    pingInterval: 2_000,
    maxPingOut: 2,
  }).catch((cause) => {
    throw new Error(`no connection to the broker: ${(cause as Error).message}`, { cause })
  })
  try {
    if (sets || !hasCredentials) {
      const created = await setUpConsumers(connection, since)
      if (sets) console.error(`consumers created: ${created.join(', ') || 'none, all exist'}`)
    }
    if (values.setup) return
    const domain = values.domain ?? (hasCredentials && !sets ? 'REKEY' : '')
    const output = values.file === undefined ? standardOutput() : await fileOutput(values.file)
    try {
      await exportEvents({
        connection,
        domain: domain || undefined,
        output,
        follow: values.follow === true,
        signal: stopped.signal,
        warn: (message) => console.error(message),
      })
    } finally {
      await output.close()
    }
  } finally {
    // Sends the last acknowledgements.
    await connection.drain().catch(() => connection.close())
  }
}

try {
  await run()
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  console.error(
    code === 'EPIPE' ? 'standard output is closed: what was not written is exported by the next run' : message,
  )
  process.exitCode = 1
}
