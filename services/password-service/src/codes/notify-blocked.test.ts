import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { createCodeSource } from './codes.fixture.ts'

const service = await startPasswordService(t)
const { query, clock } = service
const { requestRestore, everythingHandled, reasonsOf } = createCodeSource(service)

const notificationsOf = async (code: string) => {
  await service.outboxEmpty()
  return (await service.events('NOTIFY', code)).filter(({ type }) => type === 'notify.asked-while-blocked')
}

t.test('a blocked customer who asks for codes is notified once a day, at each confirmed address', async (t) => {
  const customer = await service.customer({
    status: 'blocked',
    phones: ['+447700900411'],
    unconfirmed: ['unconfirmed-411@example.com'],
  })
  const [email = '', phone = ''] = customer.addresses
  const challenges = await race(8, (index) => requestRestore(index % 2 ? email : phone))
  await everythingHandled()
  const events = await notificationsOf(customer.code)
  t.same(await Promise.all(events.map(({ id, data }) => service.openAddress(id, data.recipient ?? ''))), [
    { channel: 'email', to: email, locale: 'en-GB', timezone: 'Europe/London' },
    { channel: 'sms', to: phone, locale: 'en-GB', timezone: 'Europe/London' },
  ])
  t.same([...new Set(challenges.flatMap(reasonsOf))], ['info: unknown or blocked'], 'the log tells no stranger')
  t.same(
    await query(
      `SELECT DISTINCT kind::text, purpose, status::text, reason FROM message WHERE customer_id = $1 ORDER BY kind`,
      [customer.id],
    ),
    [
      { kind: 'code', purpose: 'restore', status: 'suppressed', reason: 'blocked' },
      { kind: 'notification', purpose: 'asked_while_blocked', status: 'waiting', reason: '' },
    ],
    'B13: the log of messages has the suppressed codes and the notifications',
  )

  clock.advance(23 * 3_600_000)
  await requestRestore(email)
  await everythingHandled()
  t.equal((await notificationsOf(customer.code)).length, 2, 'not again within a day')
  clock.advance(2 * 3_600_000)
  await requestRestore(phone)
  await everythingHandled()
  t.equal((await notificationsOf(customer.code)).length, 4, 'again after a day')
})

t.test('only a customer who is blocked is notified', async (t) => {
  const active = await service.customer()
  const blocked = await service.customer({ status: 'blocked', unconfirmed: ['unconfirmed-412@example.com'] })
  const expiresAt = new Date(clock.now().getTime() - 1).toISOString()
  await Promise.all([
    requestRestore('nobody-412@example.com'),
    requestRestore('unconfirmed-412@example.com'),
    requestRestore(active.addresses[0] ?? ''),
    requestRestore(blocked.addresses[0] ?? '', { expiresAt }),
    requestRestore(blocked.addresses[0] ?? '', { withheld: 'limit' }),
  ])
  await everythingHandled()
  t.same(await notificationsOf(active.code), [])
  t.same(await notificationsOf(blocked.code), [], 'not by a request that is over, or that a quota suppressed')
})
