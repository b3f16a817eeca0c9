import t from 'tap'
import type { Person } from '../waiting-restores/waiting-restores.fixture.ts'
import { startWaitingDesk } from './waiting-restores.fixture.ts'

const desk = await startWaitingDesk(t, { REKEY_STAFF_NEEDS_PROOF: 'false' })
const { act, approve, waitingPerson, requestEnd } = desk

const notVerified = { status: 403, body: { code: 'customer_not_verified', detail: /by another method than email/ } }
const noneWaits = { status: 409, body: { code: 'no_waiting_restore' } }
const link = async (person: Person, notice: string) => {
  const found = (await desk.notices(person)).find((one) => one.notice === notice)
  return String(found?.link).split('/').at(-1) ?? ''
}
const counted = async (labels: string) =>
  (await desk.metrics.metrics()).split('\n').find((line) => line.includes(labels)) ?? 'none'

t.test('C10: staff read how a restore was opened, its times, and the last notice; no address', async (t) => {
  const person = await waitingPerson()
  t.match(await desk.read(person), [{ state: 'waiting', channel: 'email', lastNotice: 'opened', ip: '203.0.113.7' }])
  await desk.pass(person.id, 12)
  await desk.until(person.id, { noticesSent: 2 })
  t.match(await desk.read(person), [{ lastNotice: 'half' }])
  await desk.wait(person)
  const read = await desk.read(person)
  t.match(read, [{ state: 'ready', lastNotice: 'last' }])
  t.notOk(person.addresses.some((address) => JSON.stringify(read).includes(address)))
})

t.test('C11: a member of staff alone vetoes at once, and it is told, written and published', async (t) => {
  const person = await waitingPerson()
  t.equal((await act('ann', person, 'veto', { reason: 'the customer did not ask' })).status, 204)
  t.match(await desk.restores(person.id), [{ state: 'vetoed', vetoedBy: 'staff' }])
  const { body } = await desk.send('ann', 'GET', `clients/${person.id}/records`)
  t.match(body.data, [
    { operation: 'veto_waiting_restore', actor: 'back_office', actorId: 'ann', reason: 'the customer did not ask' },
    { operation: 'open_waiting_restore', actor: 'client' },
  ])
  t.match((await desk.published(person)).at(-1), {
    type: 'customer.restore-vetoed',
    data: { by: 'staff', actor: 'back_office', actorId: 'ann', clientId: 'ann' },
  })
  const told = (await desk.notices(person)).filter(({ notice }) => notice === 'vetoed')
  t.same(told.map(({ to }) => to).toSorted(), person.addresses.toSorted())
  t.match(desk.logged('authn_restore_vetoed').at(-1), { customer: person.code, by: 'staff', actorId: 'ann' })
  t.match(await counted('rekey_waiting_restores_total{result="vetoed",by="staff"}'), /[1-9]\d*$/)

  t.equal((await act('bea', person, 'veto')).status, 204, 'a second veto does nothing')
  t.same(await desk.records(person.id), ['open_waiting_restore', 'veto_waiting_restore'])
  t.same(await desk.open(person), { waits: false, reason: 'vetoed' }, 'none opens for the time of a wait')
})

t.test('C11 and C12 need a reason, a customer, the scope, and a restore that waits', async (t) => {
  const person = await desk.person()
  for (const name of ['veto', 'end-wait'] as const) {
    t.match(await act('ann', person, name), noneWaits, 'none was opened')
    t.match(await act('ann', person, name, {}), { status: 400, body: { code: 'invalid_request' } })
    t.equal((await act('ann', { id: 2_147_483_647 }, name)).status, 404)
    const path = `/api/v2/clients/${person.id}/waiting-restore/${name}`
    const headers = { authorization: desk.bearer(person.code), 'content-type': 'application/json' }
    t.equal((await desk.http.send('POST', path, headers, '{"reason":"x"}')).status, 403, 'a customer')
  }
  const late = await waitingPerson()
  await desk.wait(late)
  await desk.verify('ann', late, 'sms')
  t.match(await act('ann', late, 'end-wait'), { ...noneWaits, body: { detail: /The wait has ended/ } })
  t.equal((await desk.setPassword(await desk.provenBy(late.id, 'email'))).status, 204)
  t.match(await act('ann', late, 'veto'), noneWaits, 'completed')
})

t.test('S53: C12 needs a verification by another method than the one that opened the restore', async (t) => {
  const person = await waitingPerson()
  t.match(await act('ann', person, 'end-wait'), notVerified)
  await desk.verify('ann', person, 'email')
  t.match(await act('ann', person, 'end-wait'), notVerified, 'the mailbox opened it')
  await desk.verify('bea', person, 'sms')
  t.match(await act('ann', person, 'end-wait'), notVerified, "another member's verification")
  await desk.verify('ann', person, 'sms')
  desk.minutes(15)
  t.match(await act('ann', person, 'end-wait'), notVerified, 'an old verification')
  desk.minutes(-15)
  t.match((await desk.show('ann', person)).body.channels, [
    { channel: 'email', verifiedUntil: String },
    { channel: 'sms', verifiedUntil: String },
  ])
  t.match(await desk.restores(person.id), [{ state: 'waiting' }])
})

t.test('S58: once a second person approves, the wait has ended, and the same proof sets the password', async (t) => {
  const person = await waitingPerson()
  const approvalId = await requestEnd(person)
  t.equal((await desk.read(person))[0]?.state, 'waiting', 'the request changes nothing')
  t.match((await desk.send('bea', 'GET', `approvals/${approvalId}`)).body, {
    action: 'end_wait',
    verified: true,
    waitingRestoreId: String,
    reason: 'a call',
  })
  t.match(await approve('ann', approvalId), { status: 403, body: { code: 'own_approval' } })
  t.equal((await approve('bea', approvalId)).status, 204)
  t.match(await desk.read(person), [{ state: 'ready', lastNotice: 'ended_early', endedEarlyAt: String }])
  t.match((await desk.send('ann', 'GET', `clients/${person.id}/records`)).body.data, [
    { operation: 'end_wait', actorId: 'ann', approvedBy: 'bea', reason: 'a call' },
    { operation: 'verify' },
    { operation: 'open_waiting_restore' },
  ])
  t.match((await desk.published(person)).at(-1), {
    type: 'customer.restore-wait-ended',
    data: { actorId: 'ann', approvedBy: 'bea', channel: 'email', plannedEnd: String },
  })
  const told = (await desk.notices(person)).filter(({ notice }) => notice === 'ended_early')
  t.same(told.map(({ to }) => to).toSorted(), person.addresses.toSorted())
  t.match(desk.logged('authn_restore_wait_ended').at(-1), { customer: person.code, actorId: 'ann', approvedBy: 'bea' })
  t.match(await counted('rekey_waiting_restores_total{result="wait_ended",by="none"}'), /[1-9]\d*$/)
  t.match(await counted('rekey_staff_acts_total{action="end_wait",proof="verified"}'), /[1-9]\d*$/)

  t.equal((await desk.setPassword(await desk.provenBy(person.id, 'phone'))).status, 403, 'another method')
  t.equal((await desk.setPassword(await desk.provenBy(person.id, 'email'))).status, 204)
  t.match(await desk.restores(person.id), [{ state: 'completed' }])
})

t.test('S58: after the early end its message still vetoes', async (t) => {
  const person = await waitingPerson()
  t.equal((await approve('bea', await requestEnd(person))).status, 204)
  t.same(await desk.veto(await link(person, 'ended_early')), { result: 'vetoed' })
  t.equal((await desk.setPassword(await desk.provenBy(person.id, 'email'))).status, 403)
})

t.test('S58: an approval ends the wait of the restore that it was asked for, and of no later one', async (t) => {
  const person = await waitingPerson()
  const approvalId = await requestEnd(person)
  t.equal((await act('ann', person, 'veto')).status, 204)
  t.match(await approve('bea', approvalId), noneWaits)
  await desk.pass(person.id, 24)
  t.match(await desk.open(person), { waits: true })
  t.match(await approve('bea', approvalId), noneWaits)
  t.match((await desk.read(person))[0], { state: 'waiting', lastNotice: 'opened' })
  t.equal((await desk.records(person.id)).includes('end_wait'), false)
})

t.test('S58: an approval after the end of the wait changes nothing', async (t) => {
  const person = await waitingPerson()
  const approvalId = await requestEnd(person)
  await desk.wait(person)
  const [before] = await desk.read(person)
  t.match(await approve('bea', approvalId), noneWaits)
  t.same(await desk.read(person), [before])
})

t.test(
  'S58: vetoes, approvals and new passwords at once lead to one outcome, which all answers agree with',
  async (t) => {
    for (let round = 0; round < 4; round += 1) {
      const person = await waitingPerson()
      const approvals = await Promise.all(['ann', 'cora'].map((who) => requestEnd(person, who)))
      const token = await link(person, 'opened')
      const grants = await Promise.all(Array.from({ length: 4 }, () => desk.provenBy(person.id, 'email')))
      const [approved, vetoed, set] = await Promise.all([
        Promise.all([...approvals, ...approvals].map((id) => approve('bea', id))),
        Promise.all([desk.veto(token), act('ann', person, 'veto'), desk.veto(token), act('dora', person, 'veto')]),
        Promise.all(grants.map((grant) => desk.setPassword(grant))),
      ])
      const written = await desk.records(person.id)
      const passwords = set.filter(({ status }) => status === 204).length
      const [restore] = await desk.restores(person.id)
      const isCompleted = restore?.state === 'completed'
      t.equal(passwords, isCompleted ? 1 : 0)
      t.equal(written.filter((name) => name === 'restore').length, passwords)
      t.equal(written.filter((name) => name === 'veto_waiting_restore').length, isCompleted ? 0 : 1)
      t.match(restore?.state, /^(completed|vetoed)$/)
      const ended = approved.filter(({ status }) => status === 204).length
      t.equal(written.filter((name) => name === 'end_wait').length, ended)
      t.ok(ended <= 1 && (ended === 1 || !isCompleted), `${ended} ends of the wait`)
      for (const { status, body } of approved.filter(({ status }) => status !== 204)) {
        t.equal(status, 409)
        t.ok(['no_waiting_restore', 'already_decided'].includes(body.code ?? ''), String(body.code))
      }
      const answers = vetoed.map((one) => ('result' in one ? one.result : one.status))
      t.same([...new Set(answers)].toSorted(), isCompleted ? [409, 'completed'] : [204, 'vetoed'])
    }
  },
)
