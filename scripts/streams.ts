import { setUpStreams } from '../packages/platform/src/stream-setup.ts'

// npm run streams: makes the broker's streams be as the contracts say. NATS_URL and the operator's NATS_NKEY_FILE, from
// the environment or the file that REKEY_SECRETS_FILE names, say where and as whom.

try {
  const names = await setUpStreams(process.env)
  console.log(`${names.join(', ')} are as they should be.`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
