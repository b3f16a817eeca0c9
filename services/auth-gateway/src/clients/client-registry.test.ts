import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '@rekey/platform/config'
import { createLogger } from '@rekey/platform/logger'
import t from 'tap'
import { loadClientRegistry } from './client-registry.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-clients-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

const log = createLogger({ name: 'test', level: 'silent' })

const write = (content: unknown) => {
  const path = join(dir, 'clients.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const errorsOf = (path: string, defaultClientId?: string, fourEyes = false): readonly string[] => {
  try {
    loadClientRegistry({ path, profile: 'production', defaultClientId, fourEyes, signsWith: () => true, log })
    return []
  } catch (error) {
    return (error as ConfigError).errors
  }
}

const bank = {
  client_id: 'bank',
  type: 'confidential',
  secret_sha256: 'ab'.repeat(32),
  redirect_uris: ['https://bank.example/back'],
  origins: ['https://bank.example'],
  scopes: ['CUSTOMER:FULL'],
}

t.test('production refuses to start with the demo registry', async (t) => {
  t.throws(
    () => loadClientRegistry({ path: undefined, profile: 'production', signsWith: () => true, log }),
    ConfigError,
  )
  t.ok(loadClientRegistry({ path: undefined, profile: 'sandbox', signsWith: () => true, log }).find('ib_localhost'))
})

t.test('a valid registry is accepted', async (t) => {
  const clients = loadClientRegistry({ path: write([bank]), profile: 'production', signsWith: () => true, log })
  t.teardown(() => clients.close())
  t.equal(clients.find('bank')?.type, 'confidential')
  t.ok(clients.allowsOrigin('https://bank.example'))
})

t.test('S52: two secrets of a client are accepted while one replaces the other', async (t) => {
  const digestOf = (secret: string) => createHash('sha256').update(secret).digest('hex')
  const clients = loadClientRegistry({
    path: write([{ ...bank, secret_sha256: [digestOf('the old one'), digestOf('the new one')] }]),
    profile: 'production',
    signsWith: () => true,
    log,
  })
  t.teardown(() => clients.close())
  for (const secret of ['the old one', 'the new one']) t.equal(clients.authenticate('bank', secret).client_id, 'bank')
  for (const secret of ['another', '', digestOf('the old one')]) {
    t.throws(() => clients.authenticate('bank', secret), { code: 'invalid_client' })
  }
  const malformed = [
    [],
    ['secret'],
    [bank.secret_sha256, bank.secret_sha256],
    Array(3)
      .fill(0)
      .map((_, i) => digestOf(`${i}`)),
  ]
  for (const secret_sha256 of malformed) {
    const [error, ...more] = errorsOf(write([{ ...bank, secret_sha256 }]))
    t.match(error, /^REKEY_CLIENTS_FILE \/0\/secret_sha256/)
    t.same(more, [])
  }
  t.same(errorsOf(write([{ ...bank, secret_sha256: [digestOf('mine'), digestOf('secretkey')] }])), [
    'REKEY_CLIENTS_FILE /0/secret_sha256: is a secret of the sandbox',
  ])
})

t.test('a file that is missing, not JSON, or not a list is refused', async (t) => {
  t.same(errorsOf(join(dir, 'nowhere.json')), ['REKEY_CLIENTS_FILE cannot be read: ENOENT'])
  t.same(errorsOf(write('{ secret')), ['REKEY_CLIENTS_FILE cannot be read: it is not JSON'])
  t.same(errorsOf(write({})), ['REKEY_CLIENTS_FILE /: must be array'])
})

t.test('every error is reported with its place, and without values of the file', async (t) => {
  const odd = { client_id: '', type: 'odd', secret_sha256: 'secret', scopes: ['EVERYTHING'], origin: 'secret' }
  t.strictSame(
    errorsOf(write([odd])).toSorted(),
    [
      'REKEY_CLIENTS_FILE /0/client_id: must not be empty',
      'REKEY_CLIENTS_FILE /0/origin: is not known',
      'REKEY_CLIENTS_FILE /0/origins: is missing',
      'REKEY_CLIENTS_FILE /0/redirect_uris: is missing',
      'REKEY_CLIENTS_FILE /0/scopes/0: must be one of CUSTOMER:FULL, CUSTOMER:PASSWORD:RESTORE, CUSTOMER:PASSWORD:CHANGE, REST:FULL',
      'REKEY_CLIENTS_FILE /0/secret_sha256: is malformed',
      'REKEY_CLIENTS_FILE /0/type: must be one of public, confidential',
    ].toSorted(),
  )
  const { secret_sha256, ...open } = bank
  const others = [
    bank,
    { ...bank, redirect_uris: ['/back'], origins: ['https://bank.example/'] },
    { ...open, client_id: 'without a secret' },
    { ...bank, client_id: 'with one', type: 'public', redirect_uris: ['https://bank.example/#here'] },
  ]
  t.strictSame(errorsOf(write(others)), [
    'REKEY_CLIENTS_FILE /1/client_id: is used by another client',
    'REKEY_CLIENTS_FILE /1/redirect_uris: must be absolute URIs without a fragment',
    'REKEY_CLIENTS_FILE /1/origins: must be origins: scheme, host and port only',
    'REKEY_CLIENTS_FILE /2/secret_sha256: is missing: the client is confidential',
    'REKEY_CLIENTS_FILE /3/secret_sha256: must not be set: the client is public',
    'REKEY_CLIENTS_FILE /3/redirect_uris: must be absolute URIs without a fragment',
  ])
})

t.test('production redirects a customer only over TLS, or to an app on the customer’s device', async (t) => {
  const inProduction = (redirectUri: string) => errorsOf(write([{ ...bank, redirect_uris: [redirectUri] }]))
  for (const uri of [
    'https://bank.example/back',
    'http://127.0.0.1:51004/back',
    'http://[::1]:51004/back',
    'com.example.app:/oauth2redirect',
  ]) {
    t.strictSame(inProduction(uri), [], uri)
  }
  for (const uri of [
    'http://bank.example/back',
    'http://127.0.0.1.bank.example/back',
    'javascript:alert(1)',
    'data:text/html,back',
    'app://back',
    'ftp://127.0.0.1/back',
  ]) {
    t.strictSame(
      inProduction(uri),
      [
        'REKEY_CLIENTS_FILE /0/redirect_uris: must be https, or an app’s: http to a loopback address, or a scheme with a dot',
      ],
      uri,
    )
  }
  const plain = write([{ ...bank, redirect_uris: ['http://bank.example'], origins: ['http://bank.example'] }])
  t.equal(errorsOf(plain).length, 2)
  t.match(errorsOf(plain)[1], '/0/origins: must be https')
  const clients = loadClientRegistry({ path: plain, profile: 'sandbox', signsWith: () => true, log })
  t.ok(clients.allowsOrigin('http://bank.example'), 'the sandbox accepts them')
  await clients.close()
})

t.test('S41: with four eyes, production requires the owner of each client with REST:FULL', async (t) => {
  const staff = { ...bank, client_id: 'desk', scopes: ['REST:FULL'], redirect_uris: [], origins: [] }
  const path = write([bank, staff, { ...staff, client_id: 'desk 2', owner: 'alice' }])
  t.strictSame(errorsOf(path, undefined, true), ['REKEY_CLIENTS_FILE /1/owner: is missing: four eyes are on'])
  t.strictSame(errorsOf(path), [], 'and nothing without')
  for (const owner of ['', 'two words', 'é', 'x'.repeat(256)]) {
    t.match(errorsOf(write([{ ...staff, owner }])), [/^REKEY_CLIENTS_FILE \/0\/owner: /], owner)
  }
})

t.test('production requires that the client of hosted restores is registered, public, and may restore', async (t) => {
  const restores = { scopes: ['CUSTOMER:PASSWORD:RESTORE'] }
  const restorer = { ...bank, ...restores, client_id: 'pages', type: 'public', secret_sha256: undefined }
  const path = write([bank, restorer, { ...bank, ...restores, client_id: 'secretive' }])
  t.strictSame(errorsOf(path, 'secretive'), [
    'REKEY_DEFAULT_CLIENT_ID is a confidential client: restores on the hosted pages need a public one.',
  ])
  t.strictSame(errorsOf(path, 'pages'), [])
  for (const clientId of ['bank', 'page', '']) {
    t.strictSame(
      errorsOf(path, clientId),
      ['REKEY_DEFAULT_CLIENT_ID is no client of REKEY_CLIENTS_FILE with the scope CUSTOMER:PASSWORD:RESTORE.'],
      clientId,
    )
  }
})
