import { http as routes, scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { createHttp } from '@rekey/test-support/http'
import t from 'tap'
import { acts } from '../staff/acts.ts'
import { startHelpDesk } from '../verifications/verifications.fixture.ts'

const desk = await startHelpDesk(t, {
  REKEY_LIMIT_VERIFICATION_CUSTOMER: '50/1h',
  REKEY_LIMIT_VERIFICATION_STAFF: '1000/1h',
})
type Customer = Awaited<ReturnType<typeof desk.customer>>

const notVerified = { status: 403, body: { code: 'customer_not_verified', detail: /second person must then approve/ } }

interface Act {
  route: keyof typeof acts
  body?: object
  /** How the reason is sent. */
  reasonIn?: 'query'
  notification: string
}

/** The acts that need a proof, as requests. */
const needing: Act[] = [
  {
    route: 'PUT /api/v2/clients/:clientId/password',
    body: { password: 'Qwerty-12345', send_mail: false },
    notification: 'notify.password-changed',
  },
  {
    route: 'PATCH /api/v2/clients/:clientId/password',
    body: { password: 'Qwerty-12345', send_mail: true },
    notification: 'notify.password-changed',
  },
  { route: 'POST /api/v2/clients/:clientId/reset-password', body: {}, notification: 'notify.reset-requested' },
  { route: 'DELETE /api/v2/clients/:clientId/factors', reasonIn: 'query', notification: 'notify.factors-changed' },
  { route: 'DELETE /api/v2/clients/:clientId/hold', reasonIn: 'query', notification: 'notify.protection-changed' },
  { route: 'DELETE /api/v2/clients/:clientId/block', reasonIn: 'query', notification: 'notify.protection-changed' },
]

const perform = (who: string, { route, body, reasonIn }: Act, { id }: { id: number }, reason?: string) => {
  const [method = '', path = ''] = route.replace('/api/v2/', '').replace(':clientId', String(id)).split(' ')
  const query = reasonIn && reason !== undefined ? `?reason=${encodeURIComponent(reason)}` : ''
  return desk.send(who, method, `${path}${query}`, body && { ...body, ...(reason !== undefined && { reason }) })
}

const decide = (who: string, approvalId: string | undefined, decision = 'approve') =>
  desk.send(who, 'POST', `approvals/${approvalId}/${decision}`, {})

let phones = 0

/** A customer who has what each act ends. */
const customerWithAll = async (): Promise<Customer> => {
  phones += 1
  const customer = await desk.customer({ phones: [`+447700900${String(100 + phones)}`] })
  await desk.enrolTotp(customer.id)
  const until = new Date(desk.clock.now().getTime() + 3_600_000)
  await desk.query('UPDATE customer SET hold_until = $2 WHERE id = $1', [customer.id, until])
  return customer
}

const recordsOf = async (customer: Customer) =>
  (await desk.send('ann', 'GET', `clients/${customer.id}/records`)).body.data as unknown as Record<string, unknown>[]

const notifications = (customer: Customer, type: string) =>
  eventually(
    async () => {
      const found = (await desk.events('NOTIFY', customer.code)).filter((event) => event.type === type)
      return found.length > 0 ? found : undefined
    },
    { what: type },
  )

t.test('S59: every act of staff is listed with whether it needs a proof, or why not', async (t) => {
  const ofStaff = Object.entries(routes).flatMap(([route, schema]) =>
    /^\w+ \/api\//.test(route) && !route.startsWith('GET ') && JSON.stringify(schema).includes(scopes.backOffice)
      ? route
      : [],
  )
  t.strictSame(Object.keys(acts).toSorted(), ofStaff.toSorted())
  const listed = Object.entries(acts).flatMap(([route, act]) => (act.needsProof && !('always' in act) ? route : []))
  t.strictSame(needing.map(({ route }) => route).toSorted(), listed.toSorted())
  for (const act of Object.values(acts)) t.ok(act.needsProof || act.because.length > 10)
})

for (const act of needing) {
  t.test(`S59: ${act.route} needs the live proof of the customer by the same member of staff`, async (t) => {
    const customer = await customerWithAll()
    t.match(await perform('ann', act, customer), notVerified)
    await desk.verify('bea', customer)
    t.match(await perform('ann', act, customer), notVerified, "another member's verification")
    const another = await customerWithAll()
    await desk.verify('ann', another)
    t.match(await perform('ann', act, customer), notVerified, "another customer's verification")
    t.same(
      (await recordsOf(customer)).map(({ operation }) => operation),
      ['verify'],
      'nothing was done',
    )

    await desk.verify('ann', customer)
    desk.minutes(15)
    t.match(await perform('ann', act, customer), notVerified, 'an old verification')
    await desk.verify('ann', customer)
    const done = await perform('ann', act, customer)
    t.ok([202, 204].includes(done.status), done.text)
    t.notOk('approvalId' in (done.body ?? {}))
    for (const { data } of await notifications(customer, act.notification)) t.notOk('unverified' in data)
  })

  t.test(
    `S59: ${act.route} without a proof needs a reason and a second person, and the customer is told`,
    async (t) => {
      const customer = await customerWithAll()
      const asked = await perform('ann', act, customer, 'no phone at hand')
      t.match(asked, { status: 202, body: { approvalId: String } })
      const { approvalId } = asked.body
      t.match((await desk.send('bea', 'GET', `approvals/${approvalId}`)).body, { verified: false, reason: String })
      t.match(await decide('ann', approvalId), { status: 403, body: { code: 'own_approval' } })
      t.equal((await decide('bea', approvalId)).status, 204)
      const [record] = await recordsOf(customer)
      t.match(record, { actorId: 'ann', approvedBy: 'bea', reason: 'no phone at hand' })
      const told = await notifications(customer, act.notification)
      t.equal(told.length, 2, 'each address')
      for (const { data } of told) t.match(data, { unverified: true })
      t.match(desk.logged('verification_overridden').at(-1), {
        customer: customer.code,
        actorId: 'ann',
        approvedBy: 'bea',
      })
    },
  )
}

t.test('S59: a proof over the channel of the password counts for nothing within a hold, and only there', async (t) => {
  const reset = needing.find(({ notification }) => notification === 'notify.reset-requested')
  if (!reset) throw new Error('no reset')
  const holds = { 'no hold': [null, 202], 'an ended hold': [-1, 202], 'a hold': [1, 403] } as const
  for (const [what, [hours, status]] of Object.entries(holds)) {
    const customer = await customerWithAll()
    await desk.verify('ann', customer)
    const until = hours === null ? null : new Date(desk.clock.now().getTime() + hours * 3_600_000)
    await desk.query(`UPDATE customer SET hold_until = $2, password_channel = 'email' WHERE id = $1`, [
      customer.id,
      until,
    ])
    t.equal((await perform('ann', reset, customer)).status, status, what)
  }
})

t.test('S59: one verification serves several acts, also at a time', async (t) => {
  const customer = await customerWithAll()
  // Not by mail, which one of the acts sends a password by: in a hold it proves nothing then.
  await desk.verify('ann', customer, 'sms')
  const answers = await Promise.all(needing.map((act) => perform('ann', act, customer)))
  for (const { status, text } of answers) t.ok([202, 204].includes(status), text)
})

t.test('S59: an act that races the end of its verification is done wholly or not at all', async (t) => {
  const customer = await customerWithAll()
  await desk.verify('ann', customer)
  const reset = needing.find(({ notification }) => notification === 'notify.reset-requested')
  if (!reset) throw new Error('no reset')
  const block = () => desk.send('bea', 'PUT', `clients/${customer.id}/block`, { reason: 'a reason' })
  const answers = await Promise.all([perform('ann', reset, customer), block(), perform('ann', reset, customer)])
  const done = answers.filter(({ status }) => status === 202).length
  for (const { status } of answers) t.ok([202, 204, 403].includes(status))
  const operations = (await recordsOf(customer)).map(({ operation }) => operation)
  t.equal(operations.filter((operation) => operation === 'reset').length, done)
  t.match(await perform('ann', reset, customer), notVerified, 'ended by the block')
})

t.test('acts that protect the customer need no proof', async (t) => {
  const customer = await customerWithAll()
  t.equal((await desk.send('ann', 'DELETE', `clients/${customer.id}/sessions`)).status, 204)
  t.equal((await desk.send('ann', 'PUT', `clients/${customer.id}/block`, { reason: 'a reason' })).status, 204)
})

t.test('S44: the hold of a restore is not ended by a verification over the same channel', async (t) => {
  const customer = await desk.customer({ phones: ['+447700900777'] })
  const end = needing.find(({ route }) => route.endsWith('/hold'))
  if (!end) throw new Error('no end of a hold')
  await desk.verify('ann', customer, 'email')
  const until = new Date(desk.clock.now().getTime() + 3_600_000)
  await desk.query("UPDATE customer SET hold_until = $2, password_channel = 'email' WHERE id = $1", [
    customer.id,
    until,
  ])
  t.match(await perform('ann', end, customer), notVerified)
  await desk.verify('ann', customer, 'sms')
  t.equal((await perform('ann', end, customer)).status, 204)
})

t.test('S41: with four eyes too a verified customer is not told that the staff did not ask', async (t) => {
  const four = await startHelpDesk(t, { REKEY_BACK_OFFICE_FOUR_EYES: 'true' })
  const customer = await four.customer()
  const reset = (reason?: string) =>
    four.send('ann', 'POST', `clients/${customer.id}/reset-password`, reason === undefined ? {} : { reason })
  t.match(await reset(), notVerified)
  await four.verify('ann', customer)
  const { body } = await reset()
  t.match((await four.send('bea', 'GET', `approvals/${body.approvalId}`)).body, { verified: true })
  // The request was judged when it was made: the second person may decide later.
  four.minutes(60)
  t.equal((await four.send('bea', 'POST', `approvals/${body.approvalId}/approve`, {})).status, 204)
  await four.outboxEmpty()
  const told = (await four.events('NOTIFY', customer.code)).filter(({ type }) => type === 'notify.reset-requested')
  t.equal(told.length, 1)
  for (const { data } of told) t.notOk('unverified' in data)
  t.same(four.logged('verification_overridden'), [])
})

t.test('production requires the proof unless it is switched off; the sandbox does not', async (t) => {
  const customer = await desk.customer()
  for (const [env, status] of [
    [{ REKEY_STAFF_NEEDS_PROOF: '', REKEY_PROFILE: 'sandbox' }, 202],
    [{ REKEY_STAFF_NEEDS_PROOF: '', REKEY_PROFILE: 'production' }, 403],
    [{ REKEY_STAFF_NEEDS_PROOF: 'false', REKEY_PROFILE: 'production' }, 202],
  ] as const) {
    const { url } = await desk.startAnother(env)
    const http = createHttp(url, { isPatient: true })
    const answer = await http.send('POST', `/api/v2/clients/${customer.id}/reset-password`, desk.as('ann'))
    t.equal(answer.status, status, JSON.stringify(env))
  }
})
