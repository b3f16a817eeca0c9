import { parseArgs } from 'node:util'
import { setUpStreams } from '../packages/platform/src/stream-setup.ts'
import { republishSince } from '../services/password-service/src/outbox/republish.ts'

const usage = `npm run streams
  Creates and updates the broker's streams. Sizes and longer ages that were set with the nats command stay. Reads these
  from the environment or from the file REKEY_SECRETS_FILE:
    NATS_URL               the broker: nats://… or tls://…; several servers of a cluster, comma-separated
    NATS_CA_FILE           PEM file of the authority that signed the broker's certificate, if it is not a public one
    NATS_NKEY_FILE         the key of the user streams; or NATS_CREDENTIALS_FILE, or NATS_USER and NATS_PASSWORD
    REKEY_STREAM_REPLICAS  copies of each stream: 3 on a cluster

npm run streams -- republish --since TIME
  Publishes the events of PASSWORD and NOTIFY again that were published since TIME (RFC 3339), as far as Postgres still
  has them (REKEY_OUTBOX_HOURS). Reads DATABASE_URL. Not needed after a power failure or a restored copy of the broker:
  the password-service finds what such a broker lost.`

/** @throws Error with the usage unless the text is a time with its zone */
const readTime = (text: string | undefined): Date => {
  const time = new Date(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/i.test(text ?? '') ? (text ?? '') : Number.NaN)
  if (Number.isNaN(time.getTime())) throw new Error(`--since needs a time such as 2026-01-31T10:00:00Z.\n\n${usage}`)
  return time
}

const run = async (command: string | undefined, since: string | undefined): Promise<string> => {
  if (command === undefined) return `${(await setUpStreams(process.env)).join(', ')} are up to date.`
  if (command !== 'republish') throw new Error(usage)
  const count = await republishSince(process.env, readTime(since))
  return `${count.toLocaleString('en-GB')} events wait to be published again; this begins within a minute.`
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' }, since: { type: 'string' } },
  })
  console.log(values.help ? usage : await run(positionals[0], values.since))
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
