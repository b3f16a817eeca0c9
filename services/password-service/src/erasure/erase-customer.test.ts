import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { verifyHistory } from '../history/verification.ts'
import { dump, erase, fillAllTables, keptTables, upsert } from './erasure.fixture.ts'

// An erasure leaves no value of a customer in any table, and a history that can still be verified.

const service = await startPasswordService(t)
const { http, query, grant, bearer, clock } = service
const verify = () => verifyHistory(service.variables.DATABASE_URL)

const restore = async (id: number) => {
  const successToken = grant('restore', await service.restoreOf(id))
  return http.post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })
}

/** A customer with addresses, a restore and two changes. */
const customerWithHistory = async () => {
  const customer = await service.customer({ phones: [`+4477${String(Math.random()).slice(2, 10)}`], unconfirmed: [] })
  await restore(customer.id)
  await service.change(customer)
  await service.change(customer)
  return customer
}

t.test('an erasure leaves no value of the customer in any table, and a valid history', async (t) => {
  const [customer, other] = [await customerWithHistory(), await customerWithHistory()]
  const texts = [...(await fillAllTables(service, customer)), ...customer.addresses]
  const otherTexts = [...(await fillAllTables(service, other)), ...other.addresses]
  t.ok(texts.length > 12)
  const hashes = await query<{ hash: string }>('SELECT hash FROM credential WHERE customer_id = $1', [customer.id])
  texts.push(...hashes.map(({ hash }) => hash))
  await service.outboxEmpty()
  const all = [...(await dump(service)).values()].join('\n')
  for (const text of [...texts, ...otherTexts]) t.ok(all.includes(text), 'the search finds what is there')

  const counted = await erase(service, { customer: customer.code, dryRun: true })
  t.match(counted, { found: true, erased: false, customerId: customer.id, records: 3 })
  t.equal([...(await dump(service)).values()].join('\n'), all, 'a dry run changes nothing')

  const reply = await erase(service, { customer: customer.code })
  t.same(reply, { ...counted, erased: true }, 'and returns the numbers of what the erasure deletes')
  await service.outboxEmpty()
  const left = await dump(service)
  for (const [table, rows] of left) {
    for (const text of texts) t.notOk(rows.includes(text), `a value of the customer in ${table}`)
    // The event that announces the erasure names the customer, and is deleted after REKEY_OUTBOX_HOURS.
    if (table !== 'outbox') t.notOk(rows.includes(customer.code), `the customer's code in ${table}`)
  }
  const events = await query<{ type: string }>('SELECT type FROM outbox WHERE subject = $1', [customer.code])
  t.same(events, [{ type: 'account.erased' }])
  for (const text of otherTexts)
    t.ok(
      [...left.values()].some((rows) => rows.includes(text)),
      'others are untouched',
    )

  const tables = await query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name = 'customer_id'`,
  )
  for (const { name } of tables.filter(({ name }) => !keptTables.includes(name))) {
    t.same(await query(`SELECT FROM ${name} WHERE customer_id = $1`, [customer.id]), [], name)
  }
  const records = await query(`SELECT actor_id, ip FROM password_change WHERE customer_id = $1`, [customer.id])
  t.same(
    records,
    Array.from({ length: 3 }, () => ({ actor_id: 'erased', ip: 'erased' })),
  )
  const { invalid } = await verify()
  t.equal(invalid, undefined)

  const [event] = (await service.events('PASSWORD', customer.code)).slice(-1)
  t.match(event, { type: 'account.erased', data: { customer: customer.code, customerId: customer.id, records: 3 } })
  const usernames = event?.data.usernames as unknown as string[]
  const opened = await Promise.all(usernames.map((sealed) => service.openUsername(event?.id ?? '', sealed)))
  for (const address of customer.addresses) t.ok(opened.includes(address), 'the gateway learns each username, sealed')
  t.match(service.logged('customer_erased').at(-1), { customerId: customer.id, records: 3 })
})

t.test('an erased customer, and one that never was, is not found; nothing is erased twice', async (t) => {
  const customer = await customerWithHistory()
  t.match(await erase(service, { customerId: customer.id }), { found: true, erased: true })
  for (const which of [{ customer: customer.code }, { customerId: customer.id }, { customer: 'nobody' }]) {
    t.same(await erase(service, which), { found: false })
  }
  t.equal((await service.events('PASSWORD', customer.code)).filter(({ type }) => type === 'account.erased').length, 1)
})

t.test('a customer who is imported again begins anew, and earlier tokens stay ended', async (t) => {
  const customer = await customerWithHistory()
  const [row] = await query<{ epoch: number }>('SELECT session_epoch AS epoch FROM customer WHERE id = $1', [
    customer.id,
  ])
  const authorization = bearer(customer.code, undefined, { session_epoch: row?.epoch })
  t.equal((await http.get('/api/v2/my/password/changes', { authorization })).status, 200)
  await erase(service, { customer: customer.code })
  // Epochs follow the clock in seconds; three passwords within a second are ahead of it.
  clock.advance(10_000)
  const [email = ''] = customer.addresses
  const again = await upsert(service, { customer: customer.code, identifiers: [{ value: email, verified: true }] })
  t.match(again, { stored: true, created: true })
  t.not('customerId' in again && again.customerId, customer.id)
  t.equal((await http.get('/api/v2/my/password/changes', { authorization })).status, 401, 'an earlier token is refused')
  const now = await http.get('/api/v2/my/password/changes', { authorization: bearer(customer.code) })
  t.match(now, { status: 200, body: { total: 0 } })
  t.equal((await service.change(customer)).status, 204)
  t.equal((await verify()).invalid, undefined)
})

t.test('an erasure that races with whatever is under way has one outcome, and leaves nothing behind', async (t) => {
  for (let round = 0; round < 6; round += 1) {
    const customer = await customerWithHistory()
    const [email = ''] = customer.addresses
    const identifiers = [{ value: `new-${email}`, verified: true }]
    const staff = { authorization: bearer('backend_fin', 'REST:FULL') }
    const at = `/api/v2/clients/${customer.id}`
    const answers = await Promise.all([
      service.change(customer),
      restore(customer.id).catch(() => ({ status: 0 })),
      http.send('PUT', `${at}/block`, { ...staff, 'content-type': 'application/json' }, '{"reason":"a report"}'),
      http.post(`${at}/reset-password`, {}, staff),
      erase(service, { customerId: customer.id }),
      // Before the erasure it adds and removes an address, whose notification a loop adds; after it, it is a new customer.
      upsert(service, { customer: customer.code, identifiers }),
    ])
    for (const answer of answers) if ('status' in answer) t.ok(answer.status < 500, `${answer.status}`)
    await service.outboxEmpty()
    for (const [table, rows] of await dump(service)) {
      if (keptTables.includes(table)) continue
      const ofCustomer = rows.split('\n').filter((row) => new RegExp(`[(,]${customer.id}[,)]`).test(row))
      if (table !== 'outbox') t.notOk(rows.includes(`"${email}"`) || rows.includes(`,${email},`), `${table}: ${email}`)
      const named = await query(
        `SELECT FROM information_schema.columns WHERE table_name = $1 AND column_name = 'customer_id'`,
        [table],
      )
      if (named.length > 0) {
        t.same(await query(`SELECT FROM ${table} WHERE customer_id = $1`, [customer.id]), [], `${table}: ${ofCustomer}`)
      }
    }
    t.same(await query('SELECT FROM customer WHERE id = $1', [customer.id]), [])
    t.equal((await verify()).invalid, undefined)
    const left = await query('SELECT FROM password_change WHERE customer_id = $1 AND erased_digest IS NULL', [
      customer.id,
    ])
    t.same(left, [], 'no record was appended after the erasure')
  }
})
