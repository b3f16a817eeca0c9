import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nkeys } from 'nats'
import t from 'tap'
import {
  brokerIsPrivate,
  certificatesAreChecked,
  isLoopback,
  keysAreSound,
  profileErrors,
  serverErrors,
  usesHttps,
} from './production.ts'
import { filesArePrivate } from './production-files.ts'

t.test('loopback addresses and localhost are this machine, and similar names are not', async (t) => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]']) t.ok(isLoopback(host), host)
  const others = ['127.0.0.1.example', 'localhost.example', '0.0.0.0', '10.0.0.1', '::', '1.127.0.0.1', '']
  for (const host of others) t.notOk(isLoopback(host), host)
})

t.test('keys that are weak, repeated or the sandbox’s are refused', async (t) => {
  const random = () => randomBytes(32).toString('base64url')
  const rule = keysAreSound('A', 'B')
  const same = random()
  t.same(rule({ A: random(), B: random() }), [])
  t.match(rule({ A: same, B: same }), ['B equals A: each key'])
  for (const weak of [
    'A'.repeat(43),
    'password'.repeat(6).slice(0, 43),
    Buffer.alloc(32, 'abcdefgh').toString('base64url'),
  ]) {
    t.match(rule({ A: weak }), ['A is not 32 random bytes'])
  }
  t.match(rule({ A: `sandbox_${random().slice(8)}` }), ['A is a key of the sandbox'])
  t.same(rule({}), [], 'another rule reports a missing key')
})

t.test('a URL outside this machine must use https', async (t) => {
  const rule = usesHttps('A', 'B', 'C', 'D')
  t.same(rule({ A: 'https://a.example', B: 'http://127.0.0.1:1', C: 'http://localhost/x' }), [])
  t.match(rule({ A: 'http://a.example', D: 'http://127.0.0.1.a.example' }), ['A is without TLS', 'D is without TLS'])
  t.match(rule({ A: 'http://127.0.0.1,http://a.example' }), ['A is without TLS'])
})

t.test('the variable that makes Node accept any certificate is refused', async (t) => {
  t.match(certificatesAreChecked({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }), ['NODE_TLS_REJECT_UNAUTHORIZED is 0'])
  t.same(certificatesAreChecked({ NODE_TLS_REJECT_UNAUTHORIZED: '1' }), [])
  t.same(certificatesAreChecked({}), [])
})

t.test('the broker requires TLS and exactly one kind of credentials', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-broker-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const seed = join(dir, 'user.nk')
  writeFileSync(seed, `${Buffer.from(nkeys.createUser().getSeed())}\n`)
  const url = { NATS_URL: 'tls://a.example,tls://b.example' }
  t.same(brokerIsPrivate({ ...url, NATS_NKEY_FILE: seed }), [])
  t.same(brokerIsPrivate({ ...url, NATS_USER: 'u', NATS_PASSWORD: 'p' }), [])
  t.match(brokerIsPrivate(url), ['NATS_NKEY_FILE is missing'])
  t.match(brokerIsPrivate({ ...url, NATS_USER: 'u' }), ['NATS_PASSWORD is missing'])
  t.match(brokerIsPrivate({ ...url, NATS_USER: 'u', NATS_PASSWORD: 'p', NATS_NKEY_FILE: seed }), ['only one of them'])
  t.match(brokerIsPrivate({ ...url, NATS_NKEY_FILE: join(dir, 'none') }), ['NATS_NKEY_FILE cannot be read: ENOENT'])
  t.match(brokerIsPrivate({ ...url, NATS_NKEY_FILE: seed, NATS_CA_FILE: join(dir, 'none') }), ['NATS_CA_FILE cannot'])
  const mixed = { NATS_URL: 'nats://127.0.0.1,nats://b.example', REKEY_ALLOW_PLAINTEXT: 'loopback' } as const
  t.match(brokerIsPrivate(mixed), ['NATS_URL is without TLS', 'NATS_NKEY_FILE is missing'])
  t.same(brokerIsPrivate({ ...mixed, NATS_URL: 'nats://127.0.0.1,nats://[::1]' }), [])
})

t.test('a variable is reported once, and servers are queried until they answer', async (t) => {
  let queries = 0
  const production = {
    rules: [() => ['A is missing.', 'B is odd.']],
    durability: [async () => (queries++ === 0 ? undefined : ['C forgets.'])],
  }
  t.same(await profileErrors(production, 'production', {}, ['A is not valid.']), ['B is odd.'])
  t.same(await serverErrors(production, 'production', {}), ['C forgets.'])
})

t.test('the sandbox checks only the correctness of servers', async (t) => {
  const production = {
    rules: [() => ['A is missing.']],
    correctness: [async () => ['B is in another time zone.']],
    durability: [async () => ['C forgets.']],
  }
  const wrong = ['B is in another time zone.']
  t.same(await profileErrors(production, 'sandbox', {}, []), wrong)
  t.same(await serverErrors(production, 'sandbox', {}), wrong)
  t.same(await profileErrors(production, 'production', {}, []), ['A is missing.', ...wrong, 'C forgets.'])
})

t.test(
  'S36: production refuses a file of secrets that other accounts can read or write',
  { skip: process.platform === 'win32' && 'platform: Windows has no such modes' },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'rekey-modes-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    const path = join(dir, 'secrets.env')
    writeFileSync(path, '')
    const rule = filesArePrivate('A', 'B')
    const errorsAt = (mode: number) => {
      chmodSync(path, mode)
      return rule({ A: path, B: undefined })
    }
    for (const mode of [0o600, 0o400, 0o440, 0o660]) t.same(errorsAt(mode), [], mode.toString(8))
    for (const mode of [0o644, 0o604, 0o602, 0o777]) {
      t.match(errorsAt(mode), [/^A names a file that every account .*: chmod o-rw/], mode.toString(8))
    }
    t.same(rule({ A: join(dir, 'none') }), [], 'another rule reports a missing file')
  },
)
