import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNats } from '@rekey/local-servers/nats'
import { freePort } from '@rekey/local-servers/ports'
import t, { type Test } from 'tap'
import { startConfiguredNats } from './broker.fixture.ts'
import { brokerIsFit } from './broker-server.ts'

const folder = (t: Test) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-nats-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A nats-server with this configuration only. */
const startWith = async (t: Test, configuration: string) => (await startConfiguredNats(t, folder(t), configuration)).url

t.test('the broker of the sandbox is accepted, and a member of a cluster without JetStream of its own', async (t) => {
  const nats = await startNats({ dataDir: folder(t) })
  t.teardown(() => nats.stop())
  t.same(await brokerIsFit({ NATS_URL: nats.url }), [])
  const member = await startWith(t, `cluster { name: "c", listen: "127.0.0.1:${await freePort()}" }`)
  t.same(await brokerIsFit({ NATS_URL: member }), [])
})

t.test('a broker without JetStream, or with too small a payload, is refused in one line each', async (t) => {
  t.match(await brokerIsFit({ NATS_URL: await startWith(t, '') }), [
    /^NATS_URL is a nats-server without JetStream: turn/,
  ])
  const small = await startWith(t, `jetstream { store_dir: ${JSON.stringify(folder(t))} }\nmax_payload: 4096\n`)
  t.match(await brokerIsFit({ NATS_URL: small }), [/^NATS_URL is a nats-server with max_payload 4096: 65536 bytes/])
})

/** The first line of a server that is not installed here. */
const startGreeting = async (t: Test, text: string) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const greeting = (version: string) =>
  `INFO ${JSON.stringify({ version, max_payload: 1_048_576, jetstream: true })} \r\n`

t.test('a broker that is too old is refused in one line', async (t) => {
  for (const version of ['2.9.10', '2.12.4', '3.0.0-RC.1']) {
    t.same(await brokerIsFit({ NATS_URL: await startGreeting(t, greeting(version)) }), [], version)
  }
  for (const version of ['2.8.4', '1.4.1']) {
    t.same(
      await brokerIsFit({ NATS_URL: await startGreeting(t, greeting(version)) }),
      [`NATS_URL is nats-server ${version}: 2.9 or newer is needed.`],
      version,
    )
  }
})

t.test('a broker that is unavailable, silent or not NATS is queried again', async (t) => {
  const answers = [
    `nats://127.0.0.1:${await freePort()}`,
    await startGreeting(t, 'INFO {\r\n'),
    await startGreeting(t, ''),
  ]
  for (const url of answers) t.equal(await brokerIsFit({ NATS_URL: url }), undefined)
  const one = await startGreeting(t, greeting('2.9.10'))
  t.same(await brokerIsFit({ NATS_URL: `${answers[0]},${one}` }), [], 'one of several is enough')
})
