import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadLetters, type EventDefinition, PasswordRestored, streams } from '@rekey/contracts'
import { generateKeys } from '@rekey/local-servers/keys'
import { brokerAccess } from '@rekey/platform/broker-access'
import { setUpStreams } from '@rekey/platform/stream-setup'
import { writeCertificate } from '@rekey/test-support/certificate'
import { startDeployedBroker } from '@rekey/test-support/deployed-broker'
import { connect, type StreamConfig } from 'nats'
import t from 'tap'
import { differences, wantedStreams } from '../../packages/platform/src/stream-settings.ts'

// Tries what the user that configures streams could do through the configuration of a stream.

const dir = mkdtempSync(join(tmpdir(), 'rekey-reroute-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const keysDir = join(dir, 'keys')
await generateKeys(keysDir)
const certificate = await writeCertificate(dir)
const broker = await startDeployedBroker(t, { dataDir: join(dir, 'nats'), keysDir, certificate })
const { url, ...access } = brokerAccess(broker.access('streams'))
const connection = await connect({ ...access, servers: url, inboxPrefix: '_INBOX.streams', reconnect: false })
t.teardown(() => connection.close())
const jsm = await connection.jetstreamManager()

const names = [...Object.keys(streams), deadLetters.name]
const publishable = () => {
  const [publish = ''] = readFileSync(join(import.meta.dirname, 'users/streams.conf'), 'utf8').split('subscribe:')
  return [...publish.matchAll(/"(.+)"/g)].map(([, subject = '']) => subject)
}

t.test('S47: only the streams of the contracts can be created', async (t) => {
  for (const name of ['FORGE', 'auth', 'AUTH2']) {
    await t.rejects(jsm.streams.add({ name, subjects: [`${name}.>`] }), /permissions violation/i, name)
  }
  t.same(names.toSorted(), ['AUTH', 'DEAD', 'MESSAGE', 'NOTIFY', 'PASSWORD'])
})

t.test('S47: no stream can store what the user that configures streams publishes', async (t) => {
  const subjects = publishable()
  t.ok(subjects.length > 10)
  for (const subject of subjects) {
    const update = jsm.streams.update(deadLetters.name, { subjects: [...deadLetters.subjects, subject] })
    await t.rejects(update, /overlap/, subject)
  }
})

/** Settings that put messages of one subject on another, as far as this server has them. */
const reroutes: Record<string, Partial<StreamConfig>> = {
  republish: { republish: { src: 'auth.limit.exceeded', dest: PasswordRestored.type } },
  sources: { sources: [{ name: 'PASSWORD' }] },
  subjects: { subjects: [...streams.AUTH.events.map(({ type }: EventDefinition) => type), 'customers.upsert'] },
}

t.test('S47: npm run streams removes settings that put messages on other subjects', async (t) => {
  const [wanted] = wantedStreams(['AUTH']).filter(({ name }) => name === 'AUTH')
  if (!wanted) throw new Error('no stream')
  for (const [name, settings] of Object.entries(reroutes)) {
    const changed = await jsm.streams.update('AUTH', settings).catch((error) => error)
    // Servers before 2.10 refuse to change some of them on an existing stream.
    if (changed instanceof Error && /can not change/.test(changed.message)) continue
    t.same(differences(changed.config, wanted), [name])
    await setUpStreams(broker.access('streams'))
    t.same(differences((await jsm.streams.info('AUTH')).config, wanted), [], `without ${name}`)
  }
})

t.test('S50: the deployed broker writes each event to the disk before it acknowledges it', async (t) => {
  const text = readFileSync(join(import.meta.dirname, 'nats-server.conf'), 'utf8')
  t.match(text, /^jetstream \{\n(?:(?!^\}).*\n)*? {2}sync_interval: always\n/m)
})
