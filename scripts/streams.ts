import { parseArgs } from 'node:util'
import { setUpStreams } from '../packages/platform/src/stream-setup.ts'

const usage = `npm run streams
  Creates and updates the broker's streams. Reads these from the environment or from the file REKEY_SECRETS_FILE:
    NATS_URL               the broker: nats://… or tls://…; several servers of a cluster, comma-separated
    NATS_CA_FILE           PEM file of the authority that signed the broker's certificate, if it is not a public one
    NATS_NKEY_FILE         the key of the user streams; or NATS_CREDENTIALS_FILE, or NATS_USER and NATS_PASSWORD
    REKEY_STREAM_REPLICAS  copies of each stream: 3 on a cluster`

try {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) console.log(usage)
  else console.log(`${(await setUpStreams(process.env)).join(', ')} are up to date.`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
