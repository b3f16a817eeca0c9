import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type ListenedEvent, listenedEvents, listenerStreams, streams } from '@rekey/contracts'
import { exampleOf } from '@rekey/contracts/documents/example'
import { generateKeys } from '@rekey/local-servers/keys'
import { brokerAccess } from '@rekey/platform/broker-access'
import { connectNats } from '@rekey/platform/broker-transport'
import { writeCertificate } from '@rekey/test-support/certificate'
import { startDeployedBroker } from '@rekey/test-support/deployed-broker'
import { eventually } from '@rekey/test-support/eventually'
import { Ajv } from 'ajv'
import { headers, nanos } from 'nats'
import t from 'tap'
import schema from './ocsf-schema.json' with { type: 'json' }

const root = resolve(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'rekey-audit-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const keysDir = join(dir, 'keys')
await generateKeys(keysDir)
const certificate = await writeCertificate(dir)
const { access } = await startDeployedBroker(t, { dataDir: join(dir, 'nats'), keysDir, certificate })

const isOcsf = new Ajv({ unicodeRegExp: false, keywords: ['version'] }).compile(schema)

const connectAs = async (user: 'auth-gateway' | 'password-service' | 'streams') => {
  const { url, ...credentials } = brokerAccess(access(user))
  const connection = await connectNats({ servers: url, ...credentials, inboxPrefix: `_INBOX.${user}` })
  t.teardown(() => connection.close())
  return connection
}
const publishers = {
  'auth-gateway': await connectAs('auth-gateway'),
  'password-service': await connectAs('password-service'),
}
const operator = await connectAs('streams')

/** Starts the command as this user of the broker. */
const start = (user: 'audit' | 'streams', ...args: string[]) => {
  const child = spawn(process.execPath, [join(root, 'scripts/audit.ts'), ...args], {
    env: { PATH: process.env.PATH ?? '', ...access(user) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const ended = once(child, 'close').then(([code]) => ({ code, out, err }))
  t.teardown(() => void child.kill('SIGKILL'))
  return { child, ended, out: () => out, err: () => err }
}
const run = (...args: Parameters<typeof start>) => start(...args).ended

let published = 0

/** Publishes the example of an event. @returns its `metadata.uid` */
const publish = async ({ type, data }: (typeof listenedEvents)[number]) => {
  const source = streams.AUTH.events.some((event) => event.type === type) ? 'auth-gateway' : 'password-service'
  published += 1
  const id = `0194f3a2-5b1c-7d3e-8f90-${String(published).padStart(12, '0')}`
  const meta = headers()
  const attributes = { id, source, type, subject: 'EN00000CY', time: new Date().toISOString(), specversion: '1.0' }
  for (const [name, value] of Object.entries(attributes)) meta.set(`ce-${name}`, value)
  const options = { headers: meta, msgID: id }
  await publishers[source].jetstream().publish(type, JSON.stringify(exampleOf(data)), options)
  return `${source}/${id}`
}
const publishAll = async (rounds: number) => {
  const uids: string[] = []
  for (let round = 0; round < rounds; round += 1) for (const event of listenedEvents) uids.push(await publish(event))
  return uids
}

interface Line {
  metadata: { uid: string; event_code: ListenedEvent['type'] }
}
const linesOf = (text: string): Line[] => text.split('\n').flatMap((line) => (line ? [JSON.parse(line)] : []))
const uidsOf = (lines: Line[]) => [...new Set(lines.map(({ metadata }) => metadata.uid))].toSorted()

/** Lets the broker deliver at once what a killed export had received. */
const shortenAckWait = async () => {
  const jsm = await operator.jetstreamManager()
  for (const stream of listenerStreams) await jsm.consumers.update(stream, 'audit', { ack_wait: nanos(1_000) })
}

t.test('the export says what is missing, and how to create it', async (t) => {
  const { code, out, err } = await run('audit')
  t.match({ code, out }, { code: 1, out: '' })
  t.match(err, 'has no consumer audit: run npm run audit -- --setup as the user streams')
  const wrong = await run('audit', '--since', 'yesterday')
  t.match(wrong, { code: 1, err: /--since needs a time such as/ })
})

t.test('S33: the user audit exports, and cannot create its consumers', async (t) => {
  t.match(await run('audit', '--setup'), { code: 1, err: /may not create consumers.*as the user streams/ })
  t.match(await run('streams', '--setup'), { code: 0, err: /consumers created: AUTH, PASSWORD/ })
  t.match(await run('streams', '--setup'), { code: 0, err: /none, all exist/ })
})

t.test('every event is exported once as valid OCSF, and the next run begins after it', async (t) => {
  const uids = await publishAll(1)
  const { code, out } = await run('audit')
  const lines = linesOf(out)
  t.equal(code, 0)
  t.same(uidsOf(lines), uids.toSorted())
  t.equal(lines.length, uids.length)
  for (const line of lines) t.ok(isOcsf(line), line.metadata.event_code)
  t.notMatch(out, /eyJ/, 'nothing sealed is exported')
  t.match(await run('audit'), { code: 0, out: '' })
})

const kill = async (child: ChildProcess) => {
  child.kill('SIGKILL')
  await once(child, 'close')
}

t.test('an export that is killed leaves no gap, in a file that is rotated under it', async (t) => {
  const [path, rotated] = [join(dir, 'audit.jsonl'), join(dir, 'audit.jsonl.1')]
  await shortenAckWait()
  const uids: string[] = []
  const exported = () => [rotated, path].map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')).join('')
  // Killed while it exports, three times.
  for (let round = 0; round < 3; round += 1) {
    const { child } = start('audit', '--follow', '--file', path)
    const before = exported().length
    uids.push(...(await publishAll(5)))
    await eventually(() => exported().length > before, { what: 'an exported event' })
    await kill(child)
    // As a process that is killed within a write leaves it.
    appendFileSync(path, '{"class_uid":3002,"metadata":{"uid":"auth-gate')
  }
  const last = start('audit', '--follow', '--file', path)
  await eventually(() => !exported().endsWith('auth-gate'), { what: 'the half line to be cut off' })
  renameSync(path, rotated)
  uids.push(...(await publishAll(1)))
  const all = uids.toSorted()
  await eventually(() => uidsOf(linesOf(exported())).length >= all.length, { what: 'all events' })
  t.same(uidsOf(linesOf(exported())), all)
  t.ok(existsSync(path), 'a new file was begun')
  last.child.kill('SIGTERM')
  t.match(await last.ended, { code: 0, err: '' })
})

t.test('an event that cannot be read is a line too, and does not stop the export', async (t) => {
  await publishers['auth-gateway'].jetstream().publish('auth.login.failed', 'not JSON')
  const uid = await publish(listenedEvents[0] as (typeof listenedEvents)[number])
  const { out } = await run('audit')
  const lines = linesOf(out)
  for (const line of lines) t.ok(isOcsf(line))
  const unreadable = { class_uid: 0, message: /not a valid event/, metadata: { event_code: 'auth.login.failed' } }
  t.match(
    lines.find(({ metadata }) => metadata.uid !== uid),
    unreadable,
  )
  t.ok(lines.some(({ metadata }) => metadata.uid === uid))
})

t.test('--since exports again with the same uids, from that time on', async (t) => {
  const since = new Date().toISOString()
  const uid = await publish(listenedEvents[0] as (typeof listenedEvents)[number])
  t.match((await run('audit')).out, uid)
  t.match(await run('audit', '--since', since), { code: 1, err: /as the user streams/ })
  t.match(await run('streams', '--setup', '--since', since), { code: 0, err: /AUTH, PASSWORD/ })
  t.same(uidsOf(linesOf((await run('audit')).out)), [uid])
})
