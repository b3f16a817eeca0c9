import { Type } from '@sinclair/typebox'
import { vetoes } from '../waiting-restore.ts'
import { alwaysLog } from './event.ts'
import { Client, Customer, Network, Subject, Time, Word } from './fields.ts'

const service = 'password-service'

const waiting = { customer: Customer, channel: Word(['email', 'sms']) }

/** Restores that wait because their customer can give one proof of two. */
export const waitingRestoreEvents = {
  authn_restore_waiting: alwaysLog({
    severity: 'warn',
    service,
    message: 'a restore with one proof waits',
    when: 'A customer who can give one proof of two opened a waiting restore. Every address is notified.',
    action: 'See [A restore waits](operations.md#a-restore-waits).',
    fields: { ...waiting, clientId: Client, address: Network, until: Time },
  }),
  authn_restore_waiting_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'no waiting restore was opened',
    when: 'A waiting restore was refused. `off`: REKEY_SOLO_RESTORE_WAIT_HOURS is 0. `grant`: the first proof cannot be used any more. `other_method`: one by another method waits. `vetoed`: one was vetoed a short while ago.',
    action: '`vetoed` or `other_method` of one `customer`: somebody tries again, or two persons have one proof each.',
    fields: {
      customer: Type.Optional(Customer),
      address: Network,
      reason: Word(['off', 'grant', 'other_method', 'vetoed']),
    },
  }),
  authn_restore_vetoed: alwaysLog({
    severity: 'warn',
    service,
    message: 'a waiting restore was vetoed',
    when: 'A waiting restore ended without a password: by the link of a notification, a sign-in, a block, a new password that was set in another way, or the staff (C11, who: `actorId`).',
    action:
      '`link` or `sign_in`: somebody else may have a mailbox or number of the customer. See [A restore waits](operations.md#a-restore-waits).',
    fields: {
      ...waiting,
      by: Word(vetoes),
      address: Type.Optional(Network),
      actorId: Type.Optional(Subject),
      clientId: Type.Optional(Client),
    },
  }),
  authn_restore_veto_fail: alwaysLog({
    severity: 'info',
    service,
    message: 'a veto came too late, or its link is not valid',
    when: 'The link of a notification vetoed no restore. `completed`: the password was set before.',
    action: '`completed`: call the customer. The notification of the new password has the link "it was not me".',
    fields: { customer: Type.Optional(Customer), address: Network, reason: Word(['completed', 'over', 'invalid']) },
  }),
  authn_waiting_restore_completed: alwaysLog({
    severity: 'warn',
    service,
    message: 'password set after the wait of a restore',
    when: 'A customer set a new password with one proof of two, after the wait. A recovery hold began.',
    action: '',
    fields: waiting,
  }),
  authn_waiting_restore_expired: alwaysLog({
    severity: 'info',
    service,
    message: 'a waiting restore expired',
    when: 'Nobody set a password in the 72 hours after the wait.',
    action: '',
    fields: waiting,
  }),
}
