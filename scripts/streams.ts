import { parseArgs } from 'node:util'
import { setUpStreams } from '../packages/platform/src/stream-setup.ts'

const usage = `npm run streams
  Makes the broker's streams be as the contracts say. It reads, from the environment or the file REKEY_SECRETS_FILE:
    NATS_URL               the broker: nats://… or tls://…, of a cluster some servers, comma-separated
    NATS_CA_FILE           who signed the broker's certificate, in PEM, where the system does not know them
    NATS_NKEY_FILE         the operator's key; or NATS_CREDENTIALS_FILE, or NATS_USER and NATS_PASSWORD
    REKEY_STREAM_REPLICAS  copies of each stream: three on a cluster`

try {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) console.log(usage)
  else console.log(`${(await setUpStreams(process.env)).join(', ')} are as they should be.`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
