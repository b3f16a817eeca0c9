import { PasswordStatus, PasswordVerify } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { createGuesses } from './failed-attempts.fixture.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

const service = await startPasswordService(t)
const { query, clock } = service
const {
  answerRight,
  guessAll,
  failuresOf,
  counted,
  failedBefore,
  guessTimes,
  isLocked,
  restore,
  liftBlock,
  notificationsOf,
  requestRestore,
  sent,
  everythingHandled,
  restoreRequests,
} = createGuesses(service)

t.test("S6: ten wrong codes at any of the customer's addresses lock restore for ten minutes", async (t) => {
  const customer = await service.customer({ phones: ['+447700900601'] })
  const other = await service.customer()
  const [email = '', phone = ''] = customer.addresses
  const [first, second] = await Promise.all([requestRestore(email), requestRestore(phone)])
  await Promise.all([sent(first), sent(second)])
  await guessAll(first)
  await counted(customer, 5)
  t.notOk(await isLocked([phone]))
  await guessAll(second)
  await counted(customer, 10)
  t.ok(await isLocked([email]))
  const suppressed = await requestRestore(phone)
  await everythingHandled()
  t.same(await restoreRequests(suppressed), [], 'a suppressed code is not recorded')
  t.notOk(await isLocked(other.addresses), 'no other customer is locked out')
  t.match(service.logged('authn_restore_locked').at(-1), { customer: customer.code, failures: 10 })

  clock.advance(10 * minuteMs)
  t.notOk(await isLocked([phone]))
})

t.test('S6: a lockout does not affect sign-in, and password.status returns it', async (t) => {
  const customer = await service.customer()
  const [username = ''] = customer.addresses
  t.equal((await service.change(customer)).status, 204)
  await guessTimes(customer, 10)
  t.match(await callRpc(service.broker, PasswordVerify, { username, password: 'Qwerty123' }), { verified: true })
  const [first] = await query<{ failed_at: Date }>(
    'SELECT failed_at FROM restore_failure WHERE customer_id = $1 ORDER BY failed_at DESC',
    [customer.id],
  )
  const second = (time: number) => `${new Date(time).toISOString().slice(0, 19)}+00:00`
  const from = first?.failed_at.getTime() ?? 0
  t.match(await callRpc(service.broker, PasswordStatus, { customer: customer.code }), {
    restoreBlock: { from: second(from), until: second(from + 10 * minuteMs) },
  })
  clock.advance(10 * minuteMs)
  t.notOk('restoreBlock' in (await callRpc(service.broker, PasswordStatus, { customer: customer.code })))
})

t.test('S6: each ten more wrong codes lock for twice as long, at most a day', async (t) => {
  const minutesAfter = new Map([
    [10, 10],
    [20, 20],
    [90, 1_440],
  ])
  for (const [failures, minutes] of minutesAfter) {
    const customer = await service.customer()
    await failedBefore(customer, failures - 10)
    await guessTimes(customer, 10)
    clock.advance((minutes - 1) * minuteMs)
    t.ok(await isLocked(customer.addresses), `after ${failures}: locked for ${minutes} minutes`)
    clock.advance(minuteMs)
    t.notOk(await isLocked(customer.addresses), `after ${failures}: not locked any longer`)
  }
})

t.test('S6: a hundred wrong codes lock restore until the back office lifts it', async (t) => {
  const customer = await service.customer()
  await failedBefore(customer, 95)
  await guessTimes(customer, 5)
  const [notification, ...more] = await notificationsOf(customer)
  t.same(more, [])
  t.same(
    Object.keys(notification?.data ?? {}),
    ['recipient', 'customerId', 'blockedFrom'],
    'the notification has no end',
  )
  t.match(service.logged('authn_restore_locked').at(-1), { customer: customer.code, failures: 100, until: 'lifted' })
  clock.advance(400 * dayMs)
  t.ok(await isLocked(customer.addresses), 'locked a year later')
  const status = await callRpc(service.broker, PasswordStatus, { customer: customer.code })
  t.same('restoreBlock' in status && Object.keys(status.restoreBlock ?? {}), ['from'])

  t.equal((await liftBlock(customer)).status, 204)
  t.same(await failuresOf(customer), [])
  t.notOk(await isLocked(customer.addresses))
})

t.test('S6: every confirmed address gets one notification of a lockout, with its times', async (t) => {
  const customer = await service.customer({ phones: ['+447700900602'], unconfirmed: ['not.yet@example.com'] })
  await guessTimes(customer, 5)
  t.same(await notificationsOf(customer), [])
  const challengeId = await service.restoreOf(customer.id)
  // The same events, three times: a wrong code of another time would be another one.
  const at = clock.now()
  await race(3, () => guessAll(challengeId, { at }))
  await counted(customer, 10)
  await everythingHandled()
  const notifications = await notificationsOf(customer)
  const recipients = await Promise.all(
    notifications.map(({ id, data }) => service.openAddress<{ to: string }>(id ?? '', data.recipient ?? '')),
  )
  t.same(recipients.map(({ to }) => to).toSorted(), customer.addresses.toSorted())
  const [notification] = notifications
  const lastsMs = Date.parse(notification?.data.blockedUntil ?? '') - Date.parse(notification?.data.blockedFrom ?? '')
  t.equal(lastsMs, 10 * minuteMs)
  t.match(recipients[0], { locale: 'en-GB', timezone: 'Europe/London' })

  await guessTimes(customer, 5)
  t.equal((await notificationsOf(customer)).length, 2, 'codes during a lockout do not count')
  clock.advance(10 * minuteMs)
  await guessTimes(customer, 5)
  t.equal((await notificationsOf(customer)).length, 2, 'the next lockout begins with the twentieth')
  await guessTimes(customer, 5)
  t.equal((await notificationsOf(customer)).length, 4)
})

t.test('S6: a right code during a lockout restores nothing; one from before it does', async (t) => {
  const customer = await service.customer()
  const challenges = await race(2, () => service.restoreOf(customer.id))
  const [guessed = '', owned = ''] = challenges
  const earlier = Math.floor(clock.now().getTime() / 1_000)
  clock.advance(2_000)
  await guessTimes(customer, 10)
  const refused = await restore(guessed)
  t.match(refused, { status: 403, body: { code: 'success_token_refused' } })
  t.match(service.logged('authn_password_restore_fail').at(-1), { reason: 'locked out' })
  await answerRight(guessed)
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, 10, 'it resets nothing')
  t.equal((await restore(owned, { iat: earlier })).status, 204)
})

t.test('S42: a proof is judged by the time of the code, not by the time of the token', async (t) => {
  const customer = await service.customer()
  const [during = '', before = ''] = await race(2, () => service.restoreOf(customer.id))
  const earlier = Math.floor(clock.now().getTime() / 1_000)
  clock.advance(2_000)
  await guessTimes(customer, 10)
  const locked = Math.floor(clock.now().getTime() / 1_000) + 60
  clock.advance(11 * minuteMs)
  t.match(await restore(during, { auth_time: locked }), { status: 403, body: { code: 'success_token_refused' } })
  t.match(service.logged('authn_password_restore_fail').at(-1), { reason: 'locked out' })
  t.equal((await restore(before, { auth_time: earlier })).status, 204)
})
