import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ndjson, startCustomers } from './customers/customers.fixture.ts'

const { run, fileOf, query } = await startCustomers(t)
const key = { REKEY_USERNAME_SEAL_KEY: randomBytes(32).toString('base64url') }

t.test('a customer is erased by one command, after a dry run that changes nothing', async (t) => {
  const identifiers = [{ value: 'gone@example.com', verified: true }]
  const file = fileOf('one.ndjson', ndjson({ customer: 'GONE1', identifiers }, { customer: 'STAYS' }))
  t.match(await run(['import', file]), { code: 0 })

  const dry = await run(['erase', 'GONE1', '--reason', 'article 17', '--dry-run'], key)
  t.match(dry, { code: 0, err: '', out: /would be erased:\n +1 {2}rows of identifier deleted\n/ })
  t.match(dry.out, /Nothing was changed\.\n$/)
  t.equal((await query('SELECT FROM customer')).length, 2)

  const erased = await run(['erase', 'GONE1', '--reason', 'article 17'], key)
  t.match(erased, { code: 0, err: '', out: /^Customer GONE1 \(id \d+\) is erased:\n/ })
  t.same(await query('SELECT code FROM customer'), [{ code: 'STAYS' }])
  t.same(await query('SELECT type, subject FROM outbox'), [{ type: 'account.erased', subject: 'GONE1' }])
  t.match(await query('SELECT reason FROM erased_customer'), [{ reason: 'article 17' }])

  t.match(await run(['erase', 'GONE1', '--reason', 'again'], key), {
    code: 2,
    out: '',
    err: /There is no customer GONE1/,
  })
  const json = await run(['erase', 'STAYS', '--reason', 'article 17', '--json'])
  t.match(json, { code: 0, err: /REKEY_USERNAME_SEAL_KEY is not set/ })
  t.match(JSON.parse(json.out), { found: true, erased: true, records: 0, deleted: { identifier: 0 } })
})

t.test('a wrong command line or an unreachable database erases nothing, and says what is wrong', async (t) => {
  for (const [args, message] of [
    [['erase'], /npm run customers -- erase CUSTOMER --reason TEXT/],
    [['erase', 'A', 'B', '--reason', 'x'], /npm run customers -- erase/],
    [['erase', 'A'], /--reason must have 1 to 500 characters/],
    [['erase', 'A', '--reason', 'x'.repeat(501)], /--reason must have 1 to 500 characters/],
    [['erase', 'A B', '--reason', 'x'], /CUSTOMER is no code of a customer/],
  ] as const) {
    t.match(await run([...args]), { code: 1, out: '', err: message })
  }
  const away = { DATABASE_URL: 'postgresql://rekey:secret@127.0.0.1:1/none' }
  t.match(await run(['erase', 'A', '--reason', 'x'], away), { code: 1, err: /^Postgres did not answer(?!.*secret)/ })
})
