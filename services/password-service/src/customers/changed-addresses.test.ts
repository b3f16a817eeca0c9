import { CustomersUpsert, maskAddress, parseUsername, ReportCompromise } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { createCodeSource } from '../codes/codes.fixture.ts'

const service = await startPasswordService(t)
const { query, clock } = service
const { requestRestore, sent } = createCodeSource(service)
const hourMs = 3_600_000

type Identifiers = { value: string; verified: boolean }[]

const newCode = () => `P${systemRandom.id()}`
const newEmail = () => `${systemRandom.id()}@example.com`
const confirmed = (...values: string[]): Identifiers => values.map((value) => ({ value, verified: true }))
const mask = (value: string) => maskAddress(parseUsername(value))
const upsert = async (customer: string, identifiers: Identifiers) => {
  const reply = await callRpc(service.broker, CustomersUpsert, { customer, identifiers })
  if (!reply.stored) throw new Error(JSON.stringify(reply.reasons))
  return reply.customerId
}

/** The notifications of this type that were published for a customer, by recipient. */
const notified = async (customer: string, type: string) => {
  await service.outboxEmpty()
  const events = (await service.events('NOTIFY', customer)).filter((event) => event.type === type)
  return Promise.all(
    events.map(async ({ id = '', data }) => ({
      to: (await service.openAddress<{ to: string }>(id, data.recipient ?? '')).to,
      link: await service.openAddress<string>(id, data.reportLink ?? ''),
      data: data as Record<string, unknown>,
    })),
  )
}
const removals = (customer: string, count: number) =>
  eventually(
    async () => {
      const found = await notified(customer, 'notify.address-removed')
      return found.length >= count ? found : undefined
    },
    { what: `${count} notifications of a removed address` },
  )
const recipients = (notifications: { to: string }[]) => notifications.map(({ to }) => to).toSorted()

/** Restores over an address. @returns the hold in hours, and who was notified */
const restoreOver = async (customer: string, address: string) => {
  const before = (await notified(customer, 'notify.password-changed')).length
  const challengeId = await requestRestore(address)
  await sent(challengeId)
  const at = clock.now().getTime()
  const headers = { successToken: service.grant('restore', challengeId) }
  const { status } = await service.http.post('/api/v2/my/password/restore', { password: systemRandom.id() }, headers)
  if (status !== 204) throw new Error(`a restore was answered ${status}`)
  const [row] = await query<{ hold_until: Date }>('SELECT hold_until FROM customer WHERE code = $1', [customer])
  const told = (await notified(customer, 'notify.password-changed')).slice(before)
  return { holdHours: Math.round(((row?.hold_until.getTime() ?? 0) - at) / hourMs), told: recipients(told) }
}

/** Each takes a confirmed address from a customer who has another one; `added`: what the customer gains. */
const losses: Record<string, (kept: string, lost: string, added: string) => { given: Identifiers; added: string[] }> = {
  removed: (kept) => ({ given: confirmed(kept), added: [] }),
  replaced: (kept, _lost, added) => ({ given: confirmed(kept, added), added: [added] }),
  'replaced by one of another kind': (kept) => {
    const phone = `+4477${String(Math.floor(Math.random() * 1e8)).padStart(8, '0')}`
    return { given: confirmed(kept, phone), added: [phone] }
  },
  'no longer confirmed': (kept, lost) => ({ given: [...confirmed(kept), { value: lost, verified: false }], added: [] }),
}

for (const [what, lose] of Object.entries(losses)) {
  t.test(`S43: an address that is ${what} is notified, with what took its place and a link`, async (t) => {
    const [customer, kept, lost] = [newCode(), newEmail(), newEmail()]
    const customerId = await upsert(customer, confirmed(kept, lost))
    const { given, added } = lose(kept, lost, newEmail())
    await upsert(customer, given)
    const [notification, ...more] = await removals(customer, 1)
    t.same(more, [])
    t.equal(notification?.to, lost)
    t.same(notification?.data.replacedBy, added.map(mask))
    t.ok(Math.abs(Date.parse(String(notification?.data.removedAt)) - clock.now().getTime()) < 10 * 60_000)

    await upsert(customer, given)
    const token = notification?.link.split('/').at(-1) ?? ''
    const reported = await callRpc(service.broker, ReportCompromise, { token, ip: '203.0.113.7' })
    t.same(reported, { result: 'reported' }, 'the link blocks the customer')
    await service.outboxEmpty()
    const events = await service.events('PASSWORD', customer)
    const event = events.find(({ type }) => type === 'account.compromise-reported')
    t.match(event?.data, { customerId, changeId: 0, channel: 'email' })
    t.equal((await notified(customer, 'notify.address-removed')).length, 1, 'the same upsert again notifies nobody')
  })
}

t.test('S43: every address of a customer who loses all of them is notified', async (t) => {
  const [customer, one, two] = [newCode(), newEmail(), newEmail()]
  await upsert(customer, confirmed(one, two))
  await upsert(customer, [])
  t.same(recipients(await removals(customer, 2)), [one, two].toSorted())
})

t.test(
  'S43: a restore over a young address holds for longer and notifies the removed one; over an old one it does not',
  async (t) => {
    const [customer, old, kept, young] = [newCode(), newEmail(), newEmail(), newEmail()]
    await upsert(customer, confirmed(old, kept))
    t.same(await restoreOver(customer, kept), { holdHours: 24, told: [kept, old].toSorted() }, 'a new customer')

    await upsert(customer, confirmed(kept, young))
    clock.advance(24 * hourMs)
    t.same(await restoreOver(customer, young), { holdHours: 24 + 72, told: [kept, old, young].toSorted() })

    clock.advance(47 * hourMs)
    t.equal((await restoreOver(customer, young)).holdHours, 24 + 72, 'an hour before it is old')
    clock.advance(hourMs)
    await query('UPDATE customer SET hold_until = NULL WHERE code = $1', [customer])
    t.same(await restoreOver(customer, young), { holdHours: 24, told: [kept, young].toSorted() }, '72 hours later')
  },
)

t.test('S43: an address that becomes confirmed is young, also if it was given before', async (t) => {
  const [customer, old, later] = [newCode(), newEmail(), newEmail()]
  await upsert(customer, [...confirmed(old), { value: later, verified: false }])
  clock.advance(100 * hourMs)
  await upsert(customer, confirmed(old, later))
  t.equal((await restoreOver(customer, later)).holdHours, 24 + 72)
})

t.test('S43: an address whose confirmation time is unknown counts as old', async (t) => {
  const { code, addresses } = await service.customer()
  t.equal((await restoreOver(code, addresses[0] ?? '')).holdHours, 24)
})

t.test('S43: a removed address that another customer has confirmed since is told of no restore', async (t) => {
  const [customer, moved, kept] = [newCode(), newEmail(), newEmail()]
  await upsert(customer, confirmed(moved, kept))
  await upsert(customer, confirmed(kept))
  await upsert(newCode(), confirmed(moved))
  t.same((await restoreOver(customer, kept)).told, [kept])
})

t.test('REKEY_NEW_ADDRESS_HOURS=0 makes no address young, and its removal is still notified', async (t) => {
  const other = await service.startAnother({ REKEY_NEW_ADDRESS_HOURS: '0' })
  t.teardown(() => other.app.close())
  const [customer, old, young] = [newCode(), newEmail(), newEmail()]
  await upsert(customer, confirmed(old))
  await upsert(customer, confirmed(young))
  t.equal((await removals(customer, 1)).length, 1)
  const challengeId = await requestRestore(young)
  await sent(challengeId)
  const response = await fetch(`${other.url}/api/v2/my/password/restore`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', successtoken: service.grant('restore', challengeId) },
    body: JSON.stringify({ password: 'another password' }),
  })
  t.equal(response.status, 204)
  const [row] = await query<{ hold_until: Date }>('SELECT hold_until FROM customer WHERE code = $1', [customer])
  t.equal(Math.round(((row?.hold_until.getTime() ?? 0) - clock.now().getTime()) / hourMs), 24)
})
