import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { once } from 'node:events'
import { hash as argon2 } from '@node-rs/argon2'
import { hash as bcrypt } from '@node-rs/bcrypt'
import { PasswordVerify } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { cheapHash } from '@rekey/test-support/limits'
import pg from 'pg'
import t from 'tap'
import { confirmed, ndjson, newCode, newEmail, startImports } from './import.fixture.ts'

const { service, importFile, fileOf, importText, customerOf } = await startImports(t)
const { query } = service

t.test('NDJSON: each line is a request of customers.upsert', async (t) => {
  const [one, two, email, phone] = [newCode(), newCode(), newEmail(), '+447700900201']
  const hash = await argon2('Qwerty123')
  const identifiers = [confirmed(email.toUpperCase()), { value: phone, verified: false }]
  const result = await importText(
    ndjson(
      { customer: one, locale: 'de-de', timezone: 'Europe/Berlin', identifiers, passwordHash: hash },
      { customer: two },
    ),
  )
  t.match(result, { kind: 'new', finished: true, records: 2, imported: 2, refused: 0, errorsText: '', reasons: {} })
  t.same(await customerOf(one), {
    locale: 'de-DE',
    timezone: 'Europe/Berlin',
    hash,
    addresses: [email, `${phone} unconfirmed`],
  })
  t.match(await customerOf(two), { locale: 'en-GB', addresses: [] })
})

t.test('CSV: quotes and several addresses in a cell are read, and an empty cell changes nothing', async (t) => {
  const [one, two, a, b] = [newCode(), newCode(), newEmail(), newEmail()]
  const hash = await argon2('Qwerty123')
  const csv = [
    '\ufeffcustomer,locale,timezone,email,phone,password_hash',
    `${one},de-DE,"Europe/Berlin",${a} ; ${b};,+447700900202,"${hash}"`,
    `  "${two}" ,,,,,`,
    '',
  ].join('\r\n')
  t.match(await importText(csv, { format: 'csv' }), { finished: true, imported: 2, refused: 0 })
  t.same(await customerOf(one), {
    locale: 'de-DE',
    timezone: 'Europe/Berlin',
    hash,
    addresses: [a, b, '+447700900202'],
  })
  t.match(await customerOf(two), { locale: 'en-GB', timezone: 'UTC', hash: null, addresses: [] })
  t.match(
    await importText(`locale,customer\nfr-FR,${one}`, { format: 'csv' }),
    { imported: 1 },
    'columns may have any order, or be omitted',
  )
  t.match(await customerOf(one), { locale: 'fr-FR', addresses: [a, b, '+447700900202'] })
})

t.test('in a batch a later line of a customer wins, and a released address is free for another customer', async (t) => {
  const [one, two, three, four] = [newCode(), newCode(), newCode(), newCode()]
  const [x, y, z] = [newEmail(), newEmail(), newEmail()]
  await importText(ndjson({ customer: one, identifiers: [confirmed(x)] }))
  const { errors, ...counts } = await importText(
    ndjson(
      { customer: two, identifiers: [confirmed(x)] },
      { customer: one, identifiers: [confirmed(y)] },
      { customer: one, identifiers: [confirmed(z)], locale: 'fr-FR' },
      { customer: three, identifiers: [confirmed(y)] },
      { customer: four, identifiers: [confirmed(y)] },
    ),
  )
  t.match(counts, { imported: 4, refused: 1 })
  t.match(errors, [{ line: 5, customer: four }])
  t.match(await customerOf(one), { locale: 'fr-FR', addresses: [z] })
  t.match(await customerOf(two), { addresses: [x] })
  t.match(await customerOf(three), { addresses: [y] })
  t.equal(await customerOf(four), undefined)
})

t.test(
  'an import notifies no address but a removed one; changed addresses of an existing customer are published as an event',
  async (t) => {
    const [customer, email] = [newCode(), `ann1@${systemRandom.id()}.example.com`]
    await importText(
      ndjson({ customer, identifiers: [confirmed(newEmail())], passwordHash: await argon2('Qwerty123') }),
    )
    const [{ id } = { id: 0 }] = await query<{ id: number }>('SELECT id FROM customer WHERE code = $1', [customer])
    await service.restoreOf(id)
    const client = new pg.Client({ connectionString: service.variables.DATABASE_URL })
    const notified = once(client, 'notification')
    await client.connect()
    await client.query('LISTEN outbox')
    await importText(ndjson({ customer, identifiers: [confirmed(email)] }))
    await notified
    await client.end()
    await service.outboxEmpty()
    const notifications = await service.events('NOTIFY', customer)
    // The service notifies the removed address within a second.
    t.same(
      notifications.filter(({ type }) => type !== 'notify.address-removed'),
      [],
    )
    const events = await service.events('PASSWORD', customer)
    t.match(events, [{ type: 'account.identifiers-changed', data: { customer, added: [/^oob:email:a\*1@/] } }])
    t.same(await query('SELECT 1 FROM restore_request WHERE customer_id = $1', [id]), [], 'open restores are ended')
  },
)

t.test('S17: customers with a hash of any format sign in, which replaces the hash by a new one', async (t) => {
  const password = 'Qwerty123'
  const salt = Buffer.from('0123456789abcdef')
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  const bcrypted = await bcrypt(password, { cost: 4 })
  const scrypted = base64(scryptSync(password, salt, 32, { N: 1_024, r: 8, p: 1 }))
  const hashes = {
    'argon2id of other parameters': await argon2(password, { memoryCost: 4_096, timeCost: 3 }),
    argon2i: await argon2(password, { algorithm: 1 }),
    'bcrypt 2b': bcrypted,
    'bcrypt 2y': bcrypted.replace('$2b$', '$2y$'),
    scrypt: `$scrypt$ln=10,r=8,p=1$${base64(salt)}$${scrypted}`,
    pbkdf2: `$pbkdf2-sha256$i=1000,l=32$${base64(salt)}$${base64(pbkdf2Sync(password, salt, 1_000, 32, 'sha256'))}`,
  }
  const customers = Object.entries(hashes).map(([kind, passwordHash]) => ({
    kind,
    passwordHash,
    customer: newCode(),
    email: newEmail(),
  }))
  const records = customers.map(({ customer, email, passwordHash }) => ({
    customer,
    identifiers: [confirmed(email)],
    passwordHash,
  }))
  t.match(await importText(ndjson(...records)), { imported: customers.length, refused: 0 })
  for (const { kind, customer, email, passwordHash } of customers) {
    t.equal((await customerOf(customer))?.hash, passwordHash, `${kind} is stored unchanged`)
    const verify = (attempt: string) => callRpc(service.broker, PasswordVerify, { username: email, password: attempt })
    t.match(await verify('Qwerty124'), { verified: false }, kind)
    t.match(await verify(password), { verified: true, customer }, kind)
    t.match((await customerOf(customer))?.hash, cheapHash, `${kind} is rehashed`)
    t.match(await verify(password), { verified: true, customer }, kind)
  }
  t.match(await importText(ndjson(...records)), { kind: 'finished' })
  await importFile(fileOf(`${ndjson(...records)}\n`))
  for (const { kind, customer } of customers) {
    t.match((await customerOf(customer))?.hash, cheapHash, `${kind}: another import does not replace the new hash`)
  }
})
