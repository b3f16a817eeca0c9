import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '@rekey/test-support/eventually'
import { connect, nkeys } from 'nats'
import t from 'tap'
import { keepLogs, startConfiguredNats } from './broker.fixture.ts'
import { connectBroker } from './broker.ts'
import { brokerAccess } from './broker-access.ts'
import { createMetrics } from './metrics.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-broker-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const write = (name: string, text: string) => {
  const path = join(dir, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}
const newSeed = () => {
  const user = nkeys.createUser()
  return { seed: Buffer.from(user.getSeed()).toString(), publicKey: user.getPublicKey() }
}

const first = newSeed()
const second = newSeed()
const user = (publicKey: string) => `{ nkey: ${publicKey} }`
const server = await startConfiguredNats(
  t,
  dir,
  `authorization { users: [{ user: service, password: secret }, ${user(first.publicKey)}, ${user(second.publicKey)}] }`,
)

const open = async (settings: Partial<Parameters<typeof brokerAccess>[0]>) => {
  const { url, ...access } = brokerAccess({ NATS_URL: server.url, ...settings })
  const connection = await connect({ servers: url, ...access, reconnect: false })
  await connection.close()
  return true
}

t.test('the broker accepts a password or an NKey, and refuses connections without credentials', async (t) => {
  t.ok(await open({ NATS_USER: 'service', NATS_PASSWORD: 'secret' }))
  t.ok(await open({ NATS_NKEY_FILE: write('first.nk', `${first.seed}\n`) }))
  for (const wrong of [{}, { NATS_USER: 'service', NATS_PASSWORD: 'other' }]) {
    await t.rejects(open(wrong), { code: 'AUTHORIZATION_VIOLATION' })
  }
})

t.test('tls:// refuses a broker without TLS', async (t) => {
  const settings = { NATS_URL: server.url.replace('nats:', 'tls:'), NATS_USER: 'service', NATS_PASSWORD: 'secret' }
  await t.rejects(open(settings), { code: 'SERVER_OPT_NA' })
})

t.test(
  'a file without valid credentials is refused at the start, and the error does not repeat its content',
  async (t) => {
    const credentials = `-----BEGIN NATS USER JWT-----\nheader.claims.signature\n------END NATS USER JWT------\n
-----BEGIN USER NKEY SEED-----\n${first.seed}\n------END USER NKEY SEED------\n`
    t.ok(brokerAccess({ NATS_URL: server.url, NATS_CREDENTIALS_FILE: write('a.creds', credentials) }).authenticator)
    for (const variable of ['NATS_CREDENTIALS_FILE', 'NATS_NKEY_FILE']) {
      t.throws(() => brokerAccess({ NATS_URL: server.url, [variable]: write('none', 'secret') }), {
        message: `Configuration refused:\n  ${variable} names a file that does not contain valid credentials.`,
      })
    }
  },
)

t.test('a refused service logs it once, and connects as soon as its file has the right seed', async (t) => {
  const path = write('changing.nk', newSeed().seed)
  const { log, logs } = keepLogs(t)
  const broker = connectBroker({
    ...brokerAccess({ NATS_URL: server.url, NATS_NKEY_FILE: path }),
    name: 'test',
    log,
    metrics: createMetrics(),
  })
  t.teardown(() => broker.close())
  await eventually(() => logs().includes('broker takes no connection yet'))
  write('changing.nk', second.seed)
  t.ok(await broker.connected())
  t.equal(logs().split('broker takes no connection yet').length, 2)
  t.notMatch(logs(), second.seed)
})
