import { randomBytes } from 'node:crypto'
import { type EventDefinition, NotifyCode, NotifyVerification, streams } from '@rekey/contracts'
import { toKeys } from '@rekey/platform/keys'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import {
  addressRemovedNotification,
  askedWhileBlockedNotifications,
  factorsChangedNotifications,
  passwordChangedNotifications,
  protectionChangedNotifications,
  resetRequestedNotifications,
  restoreLockedNotifications,
  restoreWaitingNotifications,
} from './notifications.ts'
import { sealTemporaryPassword, temporaryPasswordNotification } from './temporary-password.ts'

const newKeys = () => toKeys(randomBytes(32).toString('base64url'))
const at = new Date('2026-11-26T09:30:00Z')
const deps = {
  keys: { address: newKeys(), reportHandle: newKeys() },
  publicUrl: 'https://rekey.example',
  now: () => at,
  random: systemRandom,
}
const to = { kind: 'phone', value: '+447700900001' } as const
const customer = { id: 7, locale: 'en-GB', timezone: 'Europe/London' }
const change = { id: 1, operation: 'set' as const, ip: '127.0.0.1', createTime: at }
const about = { customer, addresses: [to], change }
const loss = { ...to, customerId: 7, locale: 'en-GB', timezone: 'UTC', removedAt: at, replacedBy: [] }

t.test('B13: every notification names its customer, and is a message of the log with a masked address', async (t) => {
  const sealed = await sealTemporaryPassword(deps, 'a password')
  const events = [
    ...(await passwordChangedNotifications(deps, about)),
    ...(await resetRequestedNotifications(deps, about)),
    ...(await restoreLockedNotifications(deps, about, { from: at, until: undefined })),
    ...(await protectionChangedNotifications(deps, { ...about, change: { ...change, operation: 'block' } })),
    await addressRemovedNotification(deps, loss),
    ...(await askedWhileBlockedNotifications(deps, about, at)),
    ...(await factorsChangedNotifications(deps, about, { operation: 'reset', changedAt: at })),
    ...(await restoreWaitingNotifications(deps, about, {
      notice: 'opened',
      changeId: 1,
      ip: '127.0.0.1',
      openedAt: at,
      endsAt: at,
    })),
    await temporaryPasswordNotification(deps, sealed, { to, setBy: 'client', expiresAt: at }, about),
  ]
  for (const { type, data, message } of events) {
    t.match(data, { customerId: 7 }, type)
    t.match(message, { customerId: 7, channel: 'sms', maskedTo: '+44*******01' }, type)
    const isPassword = type === 'notify.temporary-password'
    t.equal(message?.kind, isPassword ? 'temporary_password' : 'notification', type)
    t.equal(message?.purpose, isPassword ? 'reset' : type.replace('notify.', '').replaceAll('-', '_'), type)
  }
  const all: readonly EventDefinition[] = streams.NOTIFY.events
  const codes: readonly EventDefinition[] = [NotifyCode, NotifyVerification]
  t.same(
    events.map(({ type }) => type).toSorted(),
    all.flatMap((event) => (codes.includes(event) ? [] : event.type)).toSorted(),
    'each event of the stream but those of codes is made here',
  )
})
