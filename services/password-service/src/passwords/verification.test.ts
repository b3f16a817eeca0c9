import { pbkdf2Sync } from 'node:crypto'
import { hash as argon2 } from '@node-rs/argon2'
import { PasswordVerify } from '@rekey/contracts'
import { ask } from '@rekey/platform/questions'
import { startPasswordService } from '@rekey/testing/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const verify = (username: string, password: string) => ask(service.broker, PasswordVerify, { username, password })
const hashOf = async ({ id }: { id: number }) => {
  const [row] = await service.query<{ hash: string }>('SELECT hash FROM credential WHERE customer_id = $1', [id])
  return row?.hash
}

t.test('password.verify tells the customer and the masked devices, e-mail first', async (t) => {
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
  t.same(await verify('new@example.com', 'Qwerty123'), { verified: false }, 'not by an unconfirmed address')
})

t.test('devices that look alike are told once', async (t) => {
  const customer = await service.customer({
    emails: ['bill2@example.com', 'bob2@example.com'],
    hash: await argon2('Qwerty123'),
  })
  const { devices } = (await verify(customer.addresses[1] ?? '', 'Qwerty123')) as { devices: string[] }
  t.same(devices, ['oob:email:b*2@example.com'])
})

t.test('wrong, unknown, blocked, without a password: the same answer, and not faster than a hash', async (t) => {
  const hash = await argon2('Qwerty123')
  const known = await service.customer({ hash })
  const blocked = await service.customer({ hash, status: 'blocked' })
  const without = await service.customer()
  const timed = async (username: string, password: string) => {
    const started = performance.now()
    t.same(await verify(username, password), { verified: false })
    return performance.now() - started
  }
  const usernames = ['nobody@example.com', blocked, without].map((who) =>
    typeof who === 'string' ? who : (who.addresses[0] ?? ''),
  )
  const best = async (username: string) => {
    const times = []
    for (let round = 0; round < 5; round += 1) times.push(await timed(username, 'wrong'))
    return Math.min(...times)
  }
  const usual = await best(known.addresses[0] ?? '')
  for (const username of usernames) t.ok((await best(username)) > usual / 3)
  t.same(await verify(blocked.addresses[0] ?? '', 'Qwerty123'), { verified: false })
})

t.test('S17: a foreign hash verifies as it is and is replaced by our own at that success', async (t) => {
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
  t.match(renewed, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.match(await verify(username, 'Qwerty123'), { verified: true })
  t.equal(await hashOf(customer), renewed, 'once')
})

t.test('S17: a stored hash that is of no use lets nobody in', async (t) => {
  for (const hash of ['', 'plain', '$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA', '$2b$31$x']) {
    const customer = await service.customer({ hash: hash || ' ' })
    t.same(await verify(customer.addresses[0] ?? '', hash || ' '), { verified: false }, hash)
  }
})

t.test('a question that is not as the contract says is refused, not answered', async (t) => {
  const connection = service.broker.connection()
  for (const data of ['', 'no JSON', '{}', '{"username":"nobody@example.com"}', '[]', '{"username":1,"password":2}']) {
    const answer = await connection.request(PasswordVerify.subject, data)
    t.equal(answer.headers?.get('Nats-Service-Error-Code'), '400', data)
  }
})

t.test('questions in hand at a stop are still answered', async (t) => {
  const customer = await service.customer({ hash: await argon2('Qwerty123') })
  const answers = Promise.all(Array.from({ length: 20 }, () => verify(customer.addresses[0] ?? '', 'Qwerty123')))
  // The broker has handed all of them over once it has answered a later question.
  await service.broker.connection().request(PasswordVerify.subject, '{}')
  await service.app.close()
  t.ok((await answers).every(({ verified }) => verified))
})
