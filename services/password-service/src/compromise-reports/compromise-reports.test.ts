import { createHash } from 'node:crypto'
import { PasswordVerify, ReportCompromise, scopes } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { http, bearer, grant, query, clock } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const backOffice = () => bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' })
const lift = (id: unknown, authorization = backOffice()) =>
  http.send('DELETE', `/api/v2/clients/${id}/block`, { authorization })
const report = async (token: string) =>
  (await callRpc(service.broker, ReportCompromise, { token, ip: '203.0.113.7' })).result
const statusOf = async ({ id }: Customer) =>
  (
    await query<{ status: string; session_epoch: number }>('SELECT status, session_epoch FROM customer WHERE id = $1', [
      id,
    ])
  )[0]
const eventsOf = async (customer: Customer, type: string) => {
  await service.outboxEmpty()
  return (await service.events('PASSWORD', customer.code)).filter((event) => event.type === type)
}

/** Changes the password. @returns the links of its notifications, one for each address */
const changed = async (customer: Customer): Promise<string[]> => {
  const answer = await service.change(customer)
  if (answer.status !== 204) throw new Error(`not changed: ${answer.text}`)
  await service.outboxEmpty()
  const notifications = await service.events('NOTIFY', customer.code)
  return Promise.all(notifications.map(({ id, data }) => service.openAddress<string>(id ?? '', data.reportLink ?? '')))
}
const tokenOf = (link = '') => link.split('/').at(-1) ?? ''

t.test(
  'S10 S22: each notification has a link of its own, with a random handle that the database has not',
  async (t) => {
    const customer = await service.customer({ phones: ['+447700900101'] })
    const links = await changed(customer)
    const handles = links.map(tokenOf)
    t.equal(new Set(links).size, 2)
    for (const [index, link] of links.entries()) {
      t.equal(link, `http://localhost:8080/n/${handles[index]}`, 'S32: to the configured origin')
      t.match(handles[index], /^[\w-]{21}[AQgw]$/, '128 bits, and no punctuation at the end')
    }
    const tables = await query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
    )
    const rows = await Promise.all(tables.map(({ name }) => query(`SELECT t::text FROM "${name}" AS t`)))
    const everything = JSON.stringify(rows)
    t.match(everything, customer.code, 'the search works')
    for (const handle of handles) {
      t.notOk(everything.includes(handle))
      t.notOk(everything.includes(createHash('sha256').update(handle).digest('base64url')), 'nor a hash without a key')
    }
  },
)

t.test('a link commits with its notification, in the same statement', async (t) => {
  const customer = await service.customer({ phones: ['+447700900105'] })
  await changed(customer)
  const events = await service.events('NOTIFY', customer.code)
  const stored = await query<{ event_id: string; change_id: number; channel: string }>(
    'SELECT event_id, change_id, channel FROM report_link WHERE customer_id = $1',
    [customer.id],
  )
  t.same(stored.map((row) => row.event_id).toSorted(), events.map(({ id }) => id).toSorted())
  t.same(stored.map(({ channel }) => channel).toSorted(), ['email', 'sms'])
  t.equal(new Set(stored.map(({ change_id: id }) => id)).size, 1)
})

t.test('a sealed link of an earlier version works once, until it expires', async (t) => {
  const customer = await service.customer()
  const seconds = Math.floor(clock.now().getTime() / 1_000)
  const valid = await service.sealReportToken([systemRandom.id(), customer.id, 0, 'email', seconds + 60])
  const expired = await service.sealReportToken([systemRandom.id(), customer.id, 0, 'email', seconds - 1])
  t.equal(await report(expired), 'expired')
  t.match(await statusOf(customer), { status: 'active' })
  t.equal(await report(valid), 'reported')
  t.match(await statusOf(customer), { status: 'blocked' })
  t.equal(await report(valid), 'used')
})

t.test('a compromise report blocks the customer, ends sessions and restores, and publishes an event', async (t) => {
  const customer = await service.customer()
  const [username = ''] = customer.addresses
  const [link] = await changed(customer)
  const restore = await service.restoreOf(customer.id)
  const before = await statusOf(customer)
  t.match(await callRpc(service.broker, PasswordVerify, { username, password: 'Qwerty123' }), { verified: true })

  t.equal(await report(tokenOf(link)), 'reported')
  const after = await statusOf(customer)
  const epoch = after?.session_epoch ?? 0
  t.equal(after?.status, 'blocked')
  t.ok(epoch > (before?.session_epoch ?? 0))
  t.same(await query('SELECT * FROM restore_request WHERE customer_id = $1', [customer.id]), [])
  t.match(await callRpc(service.broker, PasswordVerify, { username, password: 'Qwerty123' }), { verified: false })
  const restored = await http.post(
    '/api/v2/my/password/restore',
    { password: 'Another-1' },
    { successToken: grant('restore', restore) },
  )
  t.equal(restored.status, 403)
  const [change, record] = await query<{ id: number; digest: string }>(
    'SELECT * FROM password_change WHERE customer_id = $1 ORDER BY id',
    [customer.id],
  )
  const [event, ...more] = await eventsOf(customer, 'account.compromise-reported')
  t.same(more, [])
  t.same(event?.data, {
    customer: customer.code,
    customerId: customer.id,
    changeId: change?.id,
    channel: 'email',
    ip: '203.0.113.7',
    sessionEpoch: epoch,
    recordId: record?.id,
    digest: record?.digest,
  })
  t.match(record, { operation: 'block', actor: 'client', actor_id: customer.code, ip: '203.0.113.7', reason: null })
  const own = await http.get('/api/v2/my/password/changes', { authorization: bearer(customer.code) })
  t.match(own.body, { total: 1, data: [{ operation: 'change' }] }, 'a block is no password change')
  t.match(service.logged('authn_compromise_reported').at(-1), {
    customer: customer.code,
    actor: 'client',
    channel: 'email',
    address: '203.0.113.7',
  })
  t.notOk(service.logs().includes(tokenOf(link)), 'S35: the link is in no log')
})

t.test('S41: after a compromise report every confirmed address is notified of the block, without a link', async (t) => {
  const customer = await service.customer({ phones: ['+447700900106'], unconfirmed: ['not.yet.told@example.com'] })
  const [link] = await changed(customer)
  t.equal(await report(tokenOf(link)), 'reported')
  await service.outboxEmpty()
  const events = (await service.events('NOTIFY', customer.code)).filter(
    ({ type }) => type === 'notify.protection-changed',
  )
  const recipients = await Promise.all(
    events.map(({ id = '', data }) => service.openAddress<{ to: string }>(id, data.recipient ?? '')),
  )
  t.same(recipients.map(({ to }) => to).toSorted(), customer.addresses.toSorted())
  t.ok(events.every(({ data }) => data.operation === 'block' && !('reportLink' in data)))
})

t.test('a link works once, also if requests race', async (t) => {
  const customer = await service.customer()
  const [link] = await changed(customer)
  // On a busy machine a report may have no answer in time, and its effect all the same.
  const results = await race(20, () => report(tokenOf(link)).catch(() => 'no answer'))
  t.ok(results.filter((result) => result === 'reported').length <= 1)
  t.ok(
    results.every((result) => /^(reported|used|no answer)$/.test(result)),
    results.join(),
  )
  await eventually(async () => (await report(tokenOf(link)).catch(() => '')) === 'used', {
    what: 'the link to be used',
  })
  t.equal((await eventsOf(customer, 'account.compromise-reported')).length, 1)

  t.equal((await lift(customer.id)).status, 204)
  t.equal(await report(tokenOf(link)), 'used')
  t.match(await statusOf(customer), { status: 'active' }, 'a used link does not block again')
})

t.test('the links of other notifications still work, also for a blocked customer', async (t) => {
  const customer = await service.customer({ phones: ['+447700900102'] })
  const [first, second] = await changed(customer)
  t.equal(await report(tokenOf(first)), 'reported')
  t.equal(await report(tokenOf(second)), 'reported')
  t.same((await eventsOf(customer, 'account.compromise-reported')).map(({ data }) => data.channel).toSorted(), [
    'email',
    'sms',
  ])
})

t.test('a link expires after seven days', async (t) => {
  const customer = await service.customer({ phones: ['+447700900103'] })
  const [first, second] = await changed(customer)
  const week = 7 * 24 * 3_600_000
  clock.advance(week - 60_000)
  t.equal(await report(tokenOf(first)), 'reported')
  clock.advance(120_000)
  t.equal(await report(tokenOf(first)), 'expired')
  t.equal(await report(tokenOf(second)), 'expired')
})

t.test('a forged or altered token is refused', async (t) => {
  const customer = await service.customer()
  const [link] = await changed(customer)
  const token = tokenOf(link)
  const [notification] = await service.events('NOTIFY', customer.code)
  const others = [
    'x',
    '....',
    token.slice(0, -1),
    `${token}A`,
    `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`,
    // The same bytes: four bits of the last character are unused.
    `${token.slice(0, -1)}${String.fromCharCode(token.charCodeAt(21) + 1)}`,
    'A'.repeat(22),
    String(notification?.data.reportLink),
    grant('restore', customer.code),
  ]
  for (const other of others) t.equal(await report(other), 'invalid', other)
  t.match(await statusOf(customer), { status: 'active' })
  t.equal(await report(token), 'reported')
})

t.test('the back office lifts a block; the event names the actor', async (t) => {
  const customer = await service.customer()
  const [username = ''] = customer.addresses
  const [link] = await changed(customer)
  await report(tokenOf(link))
  const answer = await lift(customer.id)
  t.equal(answer.status, 204)
  t.equal(answer.text, '')
  t.match(await callRpc(service.broker, PasswordVerify, { username, password: 'Qwerty123' }), { verified: true })
  const events = await eventsOf(customer, 'account.block-lifted')
  t.match(
    events.map(({ data }) => data),
    [{ customer: customer.code, customerId: customer.id, actor: 'back_office', actorId: 'backend_fin' }],
  )
  t.match(service.logged('authn_block_lifted').at(-1), {
    customer: customer.code,
    actorId: 'backend_fin',
    wasBlocked: true,
    failures: 0,
  })
})

t.test('S6: the event of a lifted block contains every username, sealed for the gateway, blocked or not', async (t) => {
  const customer = await service.customer({ phones: ['+447700900104'], unconfirmed: ['not.yet.lifted@example.com'] })
  await query('INSERT INTO restore_failure VALUES (gen_random_uuid(), 1, $1, now())', [customer.id])
  for (const failures of [1, 0]) {
    t.equal((await lift(customer.id)).status, 204)
    t.match(service.logged('authn_block_lifted').at(-1), { customer: customer.code, wasBlocked: false, failures })
  }
  const events = await eventsOf(customer, 'account.block-lifted')
  t.equal(events.length, 2, 'published also without a block: the gateway may have a lockout')
  for (const { id = '', data } of events) {
    const sealed = data.usernames as unknown as string[]
    t.same(await Promise.all(sealed.map((username) => service.openUsername(id, username))), [
      ...customer.addresses,
      'not.yet.lifted@example.com',
    ])
    t.notMatch(JSON.stringify(data), /@|\+44/)
  }
  const [first, second] = events
  await t.rejects(
    service.openUsername(first?.id ?? '', String(second?.data.usernames?.[0])),
    'each username is sealed for its own event',
  )
})

t.test('the back office sets the password of a blocked customer, who stays blocked', async (t) => {
  const customer = await service.customer({ status: 'blocked' })
  const answer = await http.send(
    'PUT',
    `/api/v2/clients/${customer.id}/password`,
    { 'content-type': 'application/json', authorization: backOffice() },
    JSON.stringify({ password: 'Temporary-1', send_mail: true }),
  )
  t.equal(answer.status, 204)
  t.match(await statusOf(customer), { status: 'blocked' })
})

t.test("lifting a block needs the back office's scope and a known customer", async (t) => {
  const customer = await service.customer({ status: 'blocked' })
  t.equal((await lift(customer.id, '')).status, 401)
  t.equal((await lift(customer.id, bearer(customer.code))).status, 403)
  t.match(await statusOf(customer), { status: 'blocked' })
  t.equal((await lift(2_147_483_647)).status, 404)
  for (const id of ['0', '-1', '1.5', 'x', '2147483648', '%27']) t.equal((await lift(id)).status, 404, id)
})
