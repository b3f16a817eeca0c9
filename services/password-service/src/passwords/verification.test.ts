import { pbkdf2Sync } from 'node:crypto'
import { hash as argon2 } from '@node-rs/argon2'
import { PasswordVerify } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { cheapHash } from '@rekey/test-support/limits'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const verify = (username: string, password: string) => callRpc(service.broker, PasswordVerify, { username, password })
const hashOf = async ({ id }: { id: number }) => {
  const [row] = await service.query<{ hash: string }>('SELECT hash FROM credential WHERE customer_id = $1', [id])
  return row?.hash
}

t.test('password.verify returns the customer and the masked devices, e-mail first', async (t) => {
  const customer = await service.customer({
    emails: ['bob1@example.com'],
    phones: ['+447700900001'],
    unconfirmed: ['new@example.com'],
    hash: await argon2('Qwerty123'),
  })
  const expected = {
    verified: true,
    customer: customer.code,
    sessionEpoch: 0,
    mustChange: false,
    devices: ['oob:email:b*1@example.com', 'oob:sms:+44*******01'],
  }
  t.same(await verify('Bob1@Example.com', 'Qwerty123'), expected)
  t.same(await verify('+447700900001', 'Qwerty123'), expected)
  t.same(await verify('new@example.com', 'Qwerty123'), { verified: false }, 'not for an unconfirmed address')
})

t.test('devices with the same mask are returned once', async (t) => {
  const customer = await service.customer({
    emails: ['bill2@example.com', 'bob2@example.com'],
    hash: await argon2('Qwerty123'),
  })
  const { devices } = (await verify(customer.addresses[1] ?? '', 'Qwerty123')) as { devices: string[] }
  t.same(devices, ['oob:email:b*2@example.com'])
})

const hashes = async () =>
  Number(
    /^rekey_work_completed_total\{queue="password_hashes"\} (\d+)/m.exec(await service.metrics.metrics())?.[1] ?? 0,
  )

t.test('S12: wrong, unknown, blocked, expired or without a password: the same reply, after a full hash', async (t) => {
  const hash = await argon2('Qwerty123')
  const known = await service.customer({ hash })
  const blocked = await service.customer({ hash, status: 'blocked' })
  const expired = await service.customer({ hash, temporaryUntil: new Date(0) })
  const without = await service.customer()
  for (const username of [
    'nobody@example.com',
    ...[known, blocked, expired, without].map((who) => who.addresses[0] ?? ''),
  ]) {
    const before = await hashes()
    t.same(await verify(username, 'wrong'), { verified: false })
    t.equal(await hashes(), before + 1)
  }
  for (const customer of [blocked, expired, without]) {
    t.same(await verify(customer.addresses[0] ?? '', 'Qwerty123'), { verified: false }, 'nor with the right password')
  }
  t.same(await verify('nobody@example.com', 'Qwerty123'), { verified: false }, 'nor with the password of a decoy')
})

t.test('S12: an unknown username always has the same decoy, whose hash decides how long it takes', async (t) => {
  const service = await startPasswordService(t)
  // Unusable hashes: the logged reason shows which decoy was taken.
  const reasons = {
    plain: 'unknown form of hash',
    $2b$10$short: 'malformed bcrypt hash',
    $scrypt$short: 'malformed scrypt hash',
  }
  const kinds = Object.keys(reasons)
  await service.query(
    `WITH made AS (INSERT INTO customer (code) SELECT 'EN' || n FROM generate_series(1, 300) n RETURNING id)
     INSERT INTO credential (customer_id, hash, updated_at) SELECT id, ($1::text[])[1 + id % 3], now() FROM made`,
    [kinds],
  )
  const usernames = Array.from({ length: 40 }, (_, index) => `nobody${index}@example.com`)
  const loggedReasons = async () => {
    const logged = []
    for (const username of usernames) {
      const before = service.logs().length
      t.same(await callRpc(service.broker, PasswordVerify, { username, password: 'wrong' }), { verified: false })
      logged.push(/"reason":"([^":]*)/.exec(service.logs().slice(before))?.[1])
    }
    return logged
  }
  const count = (logged: unknown[], reason: string) => logged.filter((one) => one === reason).length

  const first = await loggedReasons()
  for (const reason of Object.values(reasons)) t.ok(count(first, reason) >= 2, `some of each: ${reason}`)
  const another = await service.startAnother()
  await eventually(async () => (await fetch(`${another.url}/readyz`)).ok, { what: 'another instance' })
  await service.app.close()
  t.same(await loggedReasons(), first, 'another instance takes the same decoys')
  await service.query(`UPDATE credential SET hash = 'plain' WHERE hash = '$2b$10$short'`)
  const renewed = first.map((reason) => (reason === reasons.$2b$10$short ? reasons.plain : reason))
  t.same(await loggedReasons(), renewed, 'only usernames whose decoy got a new hash change')
})

t.test('S17: a foreign hash verifies, and the first success replaces it by our own', async (t) => {
  const salt = Buffer.alloc(16, 7)
  const key = pbkdf2Sync('Qwerty123', salt, 1_000, 32, 'sha256')
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  const foreign = `$pbkdf2-sha256$i=1000$${base64(salt)}$${base64(key)}`
  const customer = await service.customer({ hash: foreign })
  const [username = ''] = customer.addresses
  t.same(await verify(username, 'wrong'), { verified: false })
  t.equal(await hashOf(customer), foreign, 'a wrong password changes nothing')
  t.match(await verify(username, 'Qwerty123'), { verified: true })
  const renewed = await hashOf(customer)
  t.match(renewed, cheapHash)
  t.match(await verify(username, 'Qwerty123'), { verified: true })
  t.equal(await hashOf(customer), renewed, 'once')
})

t.test('S17: an unusable stored hash verifies no password', async (t) => {
  for (const hash of ['', 'plain', '$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA', '$2b$31$x']) {
    const customer = await service.customer({ hash: hash || ' ' })
    t.same(await verify(customer.addresses[0] ?? '', hash || ' '), { verified: false }, hash)
  }
})

t.test('an RPC request that violates the contract is refused', async (t) => {
  const connection = service.broker.connection()
  for (const data of ['', 'no JSON', '{}', '{"username":"nobody@example.com"}', '[]', '{"username":1,"password":2}']) {
    const answer = await connection.request(PasswordVerify.subject, data, { timeout: 60_000 })
    t.equal(answer.headers?.get('Nats-Service-Error-Code'), '400', data)
  }
})

t.test('RPCs in progress at a shutdown are still answered', async (t) => {
  const customer = await service.customer({ hash: await argon2('Qwerty123') })
  const answers = Promise.all(Array.from({ length: 4 }, () => verify(customer.addresses[0] ?? '', 'Qwerty123')))
  // The broker has delivered all of them once it has delivered a later one.
  await service.broker.connection().request(PasswordVerify.subject, '{}', { timeout: 60_000 })
  await service.app.close()
  t.ok((await answers).every(({ verified }) => verified))
})
