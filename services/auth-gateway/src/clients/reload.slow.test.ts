import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '@rekey/test-support/eventually'
import { keepAsking } from '@rekey/test-support/load'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'

const sandbox: object[] = JSON.parse(readFileSync(new URL('./sandbox.json', import.meta.url), 'utf8'))
const dir = mkdtempSync(join(tmpdir(), 'rekey-clients-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const path = join(dir, 'clients.json')

/** Like a ConfigMap: each version has its own folder, behind a symbolic link that is replaced. */
let versions = 0
const deploy = (content: string) => {
  versions += 1
  const version = join(dir, `v${versions}`)
  mkdirSync(version)
  writeFileSync(join(version, 'clients.json'), content)
  symlinkSync(version, join(dir, 'next'))
  renameSync(join(dir, 'next'), join(dir, 'current'))
}
deploy(JSON.stringify(sandbox))
symlinkSync(join(dir, 'current', 'clients.json'), path)

const rekey = await startRekey(t, { env: { REKEY_CLIENTS_FILE: path } })
const { http } = rekey

const withClient = (clientId: string) =>
  JSON.stringify([
    ...sandbox,
    {
      client_id: clientId,
      type: 'confidential',
      secret_sha256: createHash('sha256').update('its secret').digest('hex'),
      redirect_uris: [],
      origins: [`https://${clientId}.example`],
      scopes: ['REST:FULL'],
    },
  ])

const tokenFor = (clientId: string, secret: string) =>
  http.post('/oauth/v2/token', { grant_type: 'client_credentials', client_id: clientId, client_secret: secret })
const isRegistered = (clientId: string) => async () => (await tokenFor(clientId, 'its secret')).status === 200
const logged = (text: string) => () => rekey.logs.some((line) => line.includes(text))

/** Runs the work while a client of every version sends requests, none of which may fail. */
const underLoad = async (t: Test, work: () => Promise<unknown>) => {
  const load = keepAsking(4, async () => (await tokenFor('backend_fin', 'secretkey')).status)
  await work()
  const statuses = await load.stop()
  t.ok(statuses.length > 10, `${statuses.length} requests`)
  t.same(new Set(statuses), new Set([200]))
}

t.test('a client of a new version is accepted without a restart, and no request fails', (t) =>
  underLoad(t, async () => {
    for (const clientId of ['first', 'second']) {
      deploy(withClient(clientId))
      await eventually(isRegistered(clientId), { what: `${clientId} to be registered` })
    }
    t.match(await tokenFor('first', 'its secret'), { status: 401, body: { error: 'invalid_client' } })
    const preflight = await http.send('OPTIONS', '/oauth/v2/token', {
      origin: 'https://second.example',
      'access-control-request-method': 'POST',
    })
    t.equal(preflight.headers.get('access-control-allow-origin'), 'https://second.example')
  }),
)

t.test('a version with errors is refused with a log line that lists them, and the previous version stays', (t) =>
  underLoad(t, async () => {
    deploy(withClient('third'))
    await eventually(isRegistered('third'))
    deploy(JSON.stringify([{ client_id: 'broken' }]))
    await eventually(logged('REKEY_CLIENTS_FILE /0/scopes: is missing'))
    const line = JSON.parse(rekey.logs.find((line) => line.includes('REKEY_CLIENTS_FILE /0/scopes')) ?? '{}')
    t.match(line, { severity: 'error', event: 'file_refused', variable: 'REKEY_CLIENTS_FILE' })
    t.same(line.errors, [
      'REKEY_CLIENTS_FILE /0/type: is missing',
      'REKEY_CLIENTS_FILE /0/redirect_uris: is missing',
      'REKEY_CLIENTS_FILE /0/origins: is missing',
      'REKEY_CLIENTS_FILE /0/scopes: is missing',
    ])
    deploy('[')
    await eventually(logged('REKEY_CLIENTS_FILE cannot be read: it is not JSON'))
    t.ok(await isRegistered('third')())
    deploy(withClient('fourth'))
    await eventually(isRegistered('fourth'))
  }),
)

t.test('a missing file is logged once, and read when it returns', (t) =>
  underLoad(t, async () => {
    rmSync(join(dir, 'current'))
    await eventually(logged('REKEY_CLIENTS_FILE cannot be read: ENOENT'))
    t.ok(await isRegistered('fourth')())
    deploy(withClient('fifth'))
    await eventually(isRegistered('fifth'))
    t.equal(rekey.logs.filter((line) => line.includes('ENOENT')).length, 1)
  }),
)

t.test('a file that is written in place is read again', (t) =>
  underLoad(t, async () => {
    rmSync(path)
    writeFileSync(path, withClient('sixth'))
    await eventually(isRegistered('sixth'))
    writeFileSync(path, withClient('other'))
    await eventually(isRegistered('other'))
  }),
)
