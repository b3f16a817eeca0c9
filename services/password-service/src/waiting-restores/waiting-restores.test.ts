import { ReportCompromise } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import t from 'tap'
import { newPassword, startWaiting } from './waiting-restores.fixture.ts'

const service = await startWaiting(t)
const { open, pass, until, wait, veto, restores, records, notices, published, setPassword, provenBy, query } = service

const hourMs = 3_600_000
const tokenOf = (link: string | undefined) => link?.split('/').at(-1) ?? ''

t.test(
  'S58: a waiting restore is told at once, at half time and an hour before its end, to every address',
  async (t) => {
    const person = await service.person()
    await query(
      `INSERT INTO former_address (customer_id, kind, value, removed_at, notified_at, replaced_by) VALUES
       ($1, 'email', $2, now() - interval '71 hours', now(), '{}'),
       ($1, 'email', 'long.gone@example.com', now() - interval '73 hours', now(), '{}')`,
      [person.id, `former.${person.code}@example.com`],
    )
    const reply = await open(person)
    t.match(reply, { waits: true, waitsUntil: /\+00:00$/, timezone: 'Europe/London' })
    const everyone = [...person.addresses, `former.${person.code}@example.com`].toSorted()
    const told = async (notice: string) =>
      (await notices(person))
        .filter((one) => one.notice === notice)
        .map(({ to }) => to)
        .toSorted()
    t.same(await told('opened'), everyone)
    await pass(person.id, 12)
    await until(person.id, { noticesSent: 2 })
    t.same(await told('half'), everyone)
    t.same(await told('last'), [])
    await pass(person.id, 11.5)
    await until(person.id, { noticesSent: 3 })
    t.same(await told('last'), everyone)
    for (const { link } of await notices(person)) t.match(link, /^http:\/\/localhost:8080\/v\/[\w-]{22}$/)
    t.match(await published(person), [
      { type: 'customer.restore-waiting', data: { channel: 'email', ip: '203.0.113.7' } },
    ])
    t.match(service.logged('authn_restore_waiting').at(-1), { customer: person.code, channel: 'email' })
  },
)

t.test(
  'S53: before the end B2 says until when it waits; after it one proof by the same method sets the password',
  async (t) => {
    const person = await service.person()
    const early = await provenBy(person.id, 'email')
    t.equal((await setPassword(early)).body.waitsUntil, undefined, 'nothing waits yet')
    const reply = await open(person)
    const { waitsUntil } = reply as { waitsUntil: string }
    t.ok(Math.abs(Date.parse(waitsUntil) - Date.now() - 24 * hourMs) < 600_000, waitsUntil)
    t.match(await setPassword(early), {
      status: 403,
      body: { code: 'second_proof_required', waitsUntil, mfaToken: String },
    })
    t.equal(
      (await setPassword(await provenBy(person.id, 'phone'))).body.waitsUntil,
      undefined,
      'another method waits for nothing',
    )
    await wait(person)
    t.match(await setPassword(await provenBy(person.id, 'phone')), { status: 403 }, 'another method')
    t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 204)
    t.match(await restores(person.id), [{ state: 'completed', vetoedBy: null }])
    t.same(await records(person.id), ['open_waiting_restore', 'restore'])
    t.match((await published(person)).at(-1), {
      type: 'customer.restore-completed',
      data: { waitingRestoreId: String },
    })
    const [held] = await query(
      'SELECT hold_until > now() AS held, password_channel AS channel FROM customer WHERE id = $1',
      [person.id],
    )
    t.match(held, { held: true, channel: 'email' }, 'a recovery hold begins')
    t.match(
      await setPassword(await provenBy(person.id, 'email')),
      { status: 403, body: { code: 'second_proof_required' } },
      'once',
    )
    t.match(service.logged('authn_waiting_restore_completed').at(-1), { customer: person.code })
  },
)

t.test('the grant that opened it does not end it', async (t) => {
  const person = await service.person()
  const first = await provenBy(person.id, 'email')
  const { mfaToken } = (await setPassword(first)).body
  t.match(await service.openBy(String(mfaToken)), { waits: true })
  await wait(person)
  t.match(await setPassword(first), { status: 403, body: { code: 'second_proof_required' } })
  t.match(await restores(person.id), [{ state: 'waiting' }])
})

t.test('S58: one restore of a customer waits; a second opening is answered with the first', async (t) => {
  const person = await service.person()
  const [first, ...others] = await Promise.all(
    Array.from({ length: 6 }, async () => service.openBy(await service.secondProof(person.id))),
  )
  t.match(first, { waits: true })
  for (const other of others) t.same(other, first)
  t.equal((await restores(person.id)).length, 1)
  t.same(await records(person.id), ['open_waiting_restore'])
  t.same(await open(person, 'phone'), { waits: false, reason: 'other_method' })
  t.equal((await notices(person)).length, 2, 'each address is told once')
})

t.test(
  'S58: the link of any notice vetoes, as often as it is pressed, and nothing opens for the time of a wait',
  async (t) => {
    const person = await service.person()
    await open(person)
    const [one, other] = await notices(person)
    t.same(await veto(tokenOf(one?.link)), { result: 'vetoed' })
    t.same(await veto(tokenOf(one?.link)), { result: 'vetoed' })
    t.same(await veto(tokenOf(other?.link)), { result: 'vetoed' })
    t.match(await restores(person.id), [{ state: 'vetoed', vetoedBy: 'link' }])
    t.same(await records(person.id), ['open_waiting_restore', 'veto_waiting_restore'])
    t.match((await published(person)).at(-1), {
      type: 'customer.restore-vetoed',
      data: { by: 'link', ip: '203.0.113.7' },
    })
    const told = (await notices(person)).filter(({ notice }) => notice === 'vetoed')
    t.same(told.map(({ to }) => to).toSorted(), person.addresses.toSorted())
    t.same(
      told.map(({ link }) => link),
      [undefined, undefined],
    )
    t.match(service.logged('authn_restore_vetoed').at(-1), { customer: person.code, by: 'link' })
    t.same(await open(person), { waits: false, reason: 'vetoed' })
    t.match(service.logged('authn_restore_waiting_fail').at(-1), { customer: person.code, reason: 'vetoed' })
    await pass(person.id, 24)
    t.match(await open(person), { waits: true })
  },
)

t.test('a forged token, the link of another notification, and a late link veto nothing', async (t) => {
  const person = await service.person()
  const changed = await service.changePassword(person)
  t.equal(changed.status, 204)
  const notMe = await service.notMeLink(person)
  await open(person)
  const [notice] = await notices(person)
  for (const token of ['x', 'A'.repeat(22), tokenOf(notMe)]) t.same(await veto(token), { result: 'invalid' }, token)
  t.match(await restores(person.id), [{ state: 'waiting' }])
  await wait(person)
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 204)
  t.same(await veto(tokenOf(notice?.link)), { result: 'completed' })
  t.match(service.logged('authn_restore_veto_fail').at(-1), { customer: person.code, reason: 'completed' })
})

t.test('S58: a sign-in vetoes, and one from before the opening does not', async (t) => {
  const person = await service.person()
  await open(person)
  service.clock.advance(-2 * hourMs)
  await service.signIn(person)
  service.clock.advance(2 * hourMs)
  const other = await service.person()
  await open(other)
  await service.signIn(other)
  await until(other.id, { state: 'vetoed' })
  t.match(await restores(other.id), [{ vetoedBy: 'sign_in' }])
  t.match(await restores(person.id), [{ state: 'waiting' }])
  await service.signIn(person)
  await until(person.id, { state: 'vetoed' })
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 403)
  t.equal((await notices(person)).filter(({ notice }) => notice === 'vetoed').length, 2)
})

t.test('a password that is set in another way, a report and a block veto', async (t) => {
  const people = await Promise.all(Array.from({ length: 3 }, () => service.person()))
  const [changing, changed, blocked] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]]
  for (const person of people) await open(person)
  const both = await provenBy(changing.id, 'email', ['email', 'sms'])
  t.equal((await setPassword(both)).status, 204, 'two proofs need no wait')
  t.match(await restores(changing.id), [{ state: 'vetoed', vetoedBy: 'new_password' }])
  t.same(await records(changing.id), ['open_waiting_restore', 'restore', 'veto_waiting_restore'])
  t.equal((await service.changePassword(changed)).status, 204)
  t.match(await restores(changed.id), [{ vetoedBy: 'new_password' }], 'a change too')
  const reported = await service.person()
  t.equal((await service.changePassword(reported)).status, 204)
  const token = tokenOf(await service.notMeLink(reported))
  await open(reported)
  t.same(await callRpc(service.broker, ReportCompromise, { token, ip: '203.0.113.7' }), { result: 'reported' })
  t.match(await restores(reported.id), [{ state: 'vetoed', vetoedBy: 'block' }])
  t.same(await records(reported.id), ['change', 'open_waiting_restore', 'block', 'veto_waiting_restore'])
  const staff = { authorization: service.bearer('backend_fin', 'REST:FULL') }
  const answer = await service.http.send(
    'PUT',
    `/api/v2/clients/${blocked.id}/block`,
    { 'content-type': 'application/json', ...staff },
    JSON.stringify({ reason: 'asked by phone' }),
  )
  t.equal(answer.status, 204)
  t.match(await restores(blocked.id), [{ state: 'vetoed', vetoedBy: 'block' }])
  t.equal((await notices(blocked)).filter(({ notice }) => notice === 'vetoed').length, 0, 'the block itself is told')
})

t.test('S58: nobody completes it in time: it expires, is written once, and another one can open', async (t) => {
  const person = await service.person()
  await open(person)
  await wait(person)
  await pass(person.id, 72)
  await until(person.id, { state: 'expired' })
  t.same(await records(person.id), ['open_waiting_restore', 'expire_waiting_restore'])
  t.match((await published(person)).at(-1), { type: 'customer.restore-expired' })
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 403)
  const [notice] = await notices(person)
  t.same(await veto(tokenOf(notice?.link)), { result: 'over' })
  t.match(service.logged('authn_waiting_restore_expired').at(-1), { customer: person.code })
  t.match(await open(person), { waits: true })
})

t.test('S58: after a pause of the service the last notice moves the end: there is an hour to object', async (t) => {
  const person = await service.person()
  await open(person)
  await pass(person.id, 30)
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 403, 'the clock alone opens nothing')
  await until(person.id, { noticesSent: 3 })
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 403)
  t.same((await notices(person)).map(({ notice }) => notice).toSorted(), ['last', 'last', 'opened', 'opened'])
  await pass(person.id, 1)
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 204)
})

t.test("the service's own clock decides nothing: Postgres' does", async (t) => {
  const person = await service.person()
  await open(person)
  service.clock.advance(25 * hourMs)
  t.match(await setPassword(await provenBy(person.id, 'email')), { status: 403, body: { waitsUntil: String } })
  t.match(await restores(person.id), [{ state: 'waiting', noticesSent: 1 }])
  service.clock.advance(-25 * hourMs)
})

t.test('an opening needs a first proof that can still be used', async (t) => {
  const refused = { waits: false, reason: 'grant' }
  const person = await service.person()
  t.same(await service.openBy('a.b'), refused, 'a forged token')
  const mfaToken = await service.secondProof(person.id)
  await query('DELETE FROM restore_request WHERE customer_id = $1', [person.id])
  t.same(await service.openBy(mfaToken), refused, 'the restore has ended')
  const blocked = await service.person()
  const another = await service.secondProof(blocked.id)
  await query(`UPDATE customer SET status = 'blocked' WHERE id = $1`, [blocked.id])
  t.same(await service.openBy(another), refused, 'blocked meanwhile')
  const late = await service.person()
  const lateToken = await service.secondProof(late.id)
  service.clock.advance(11 * 60_000)
  t.same(await service.openBy(lateToken), refused, 'its token has expired')
  for (const { id } of [person, blocked, late]) t.same(await restores(id), [])
})

t.test('the staff see the waiting restores of a customer', async (t) => {
  const person = await service.person()
  await open(person)
  const see = (id: number | string, authorization = service.bearer('backend_fin', 'REST:FULL')) =>
    service.http.get(`/api/v2/clients/${id}/waiting-restore`, { authorization })
  t.match(await see(person.id), {
    status: 200,
    body: { total: 1, data: [{ state: 'waiting', channel: 'email', clientId: 'ib_localhost', ip: '203.0.113.7' }] },
  })
  await wait(person)
  t.match((await see(person.id)).body, { data: [{ state: 'ready' }] })
  const none = await service.person()
  t.same((await see(none.id)).body, { total: 0, data: [] })
  t.equal((await see(2_147_483_647)).status, 404)
  t.equal((await see('x')).status, 404)
  t.equal((await see(person.id, service.bearer(person.code))).status, 403)
})

t.test('a customer without a second method restores as before, and waits for nothing', async (t) => {
  const person = await service.customer()
  t.equal((await setPassword(await provenBy(person.id, 'email'), newPassword)).status, 204)
  t.same(await restores(person.id), [])
})
