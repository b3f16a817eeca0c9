import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Process, Purpose, Sealed, SerialId, Uuid } from '../fields.ts'
import { waitingRestoreNotices } from '../waiting-restore.ts'
import { defineEvent } from './event.ts'

/** Content of `recipient` after decryption. */
export const Recipient = Type.Object({
  channel: OneOf(['email', 'sms']),
  to: Type.String(),
  locale: Type.String(),
  timezone: Type.String({ description: 'IANA name.' }),
})
export type Recipient = Static<typeof Recipient>

/** In every event of this stream, so that the notifier can publish what became of the message. */
const about = {
  customerId: Type.Optional({ ...SerialId, description: 'Absent in events of earlier versions.' }),
}

export const NotifyCode = defineEvent({
  type: 'notify.code',
  summary: 'Send a confirmation code.',
  data: Type.Object({
    ...about,
    challengeId: Uuid,
    purpose: Purpose,
    process: Type.Optional(Process),
    recipient: Sealed('notifier'),
    code: Sealed('notifier'),
    verificationCode: Type.String(),
    askedAt: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'When the gateway was asked for the code. Absent in events of earlier versions.',
      }),
    ),
    expiresAt: Type.String({ format: 'date-time' }),
  }),
})

export const NotifyVerification = defineEvent({
  type: 'notify.verification',
  summary: 'Send two words and a code to a customer whom the help desk verifies.',
  data: Type.Object({
    ...about,
    recipient: Sealed('notifier'),
    secret: {
      ...Sealed('notifier'),
      description: 'The words and the code, as JSON: a compact JWE that only the notifier can decrypt.',
    },
    askedAt: Type.String({ format: 'date-time' }),
    expiresAt: Type.String({ format: 'date-time' }),
  }),
})

/** Content of `secret` after decryption. */
export interface VerificationSecret {
  words: string
  code: string
}

/** In notifications of acts that need a verification of the customer (S59). */
const unverified = {
  unverified: Type.Optional(
    Type.Boolean({
      description: 'True if the staff had not verified the customer: a second person approved the act instead.',
    }),
  ),
}

/** Link for the compromise report. Sealed: its possession is enough to block the account. */
const reportLink = { reportLink: Sealed('notifier') }

export const NotifyPasswordChanged = defineEvent({
  type: 'notify.password-changed',
  summary: 'Notify one confirmed address that the password has changed.',
  data: Type.Object({
    ...about,
    operation: OneOf(['change', 'restore', 'reset', 'set']),
    ...reportLink,
    ...unverified,
    recipient: Sealed('notifier'),
    ip: Type.String(),
    changedAt: Type.String({ format: 'date-time' }),
  }),
})

export const NotifyTemporaryPassword = defineEvent({
  type: 'notify.temporary-password',
  summary: 'Send a temporary password that the back office set or a restore made.',
  data: Type.Object({
    ...about,
    setBy: OneOf(['client', 'back_office']),
    ...reportLink,
    recipient: Sealed('notifier'),
    password: Sealed('notifier'),
    expiresAt: Type.String({ format: 'date-time' }),
  }),
})

export const NotifyAddressRemoved = defineEvent({
  type: 'notify.address-removed',
  summary: 'Notify an address that it was removed from a customer, or replaced.',
  data: Type.Object({
    ...about,
    ...reportLink,
    recipient: Sealed('notifier'),
    replacedBy: Type.Array(Type.String(), {
      description: 'Masked addresses that the customer gained in the same change: b*1@gmail.com. Empty: none.',
    }),
    removedAt: Type.String({ format: 'date-time' }),
  }),
})

export const NotifyRestoreBlocked = defineEvent({
  type: 'notify.restore-blocked',
  summary: 'Notify one confirmed address that too many wrong codes locked restore, and until when.',
  data: Type.Object({
    ...about,
    recipient: Sealed('notifier'),
    blockedFrom: Type.String({ format: 'date-time' }),
    blockedUntil: Type.Optional(
      Type.String({ format: 'date-time', description: 'Absent: until the back office lifts the lockout.' }),
    ),
  }),
})

export const NotifyResetRequested = defineEvent({
  type: 'notify.reset-requested',
  summary: 'Notify one confirmed address that the password must be changed at the next sign-in.',
  data: Type.Object({
    ...about,
    ...reportLink,
    recipient: Sealed('notifier'),
    ...unverified,
    requestedAt: Type.String({ format: 'date-time' }),
  }),
})

export const NotifyProtectionChanged = defineEvent({
  type: 'notify.protection-changed',
  summary:
    'Notify one confirmed address that the back office blocked the customer, lifted a block or a lockout, ended a recovery hold, or ended all sessions.',
  data: Type.Object({
    ...about,
    operation: OneOf(['block', 'lift_block', 'end_hold', 'end_sessions']),
    ...unverified,
    reportLink: Type.Optional({ ...Sealed('notifier'), description: 'Absent for a block.' }),
    recipient: Sealed('notifier'),
    changedAt: Type.String({ format: 'date-time' }),
  }),
})

/** Changes of a customer's second factors that a notification is about. */
export const factorOperations = [
  'totp_added',
  'totp_removed',
  'recovery_codes_issued',
  'recovery_codes_replaced',
  'recovery_codes_removed',
  'passkey_added',
  'passkey_removed',
  'passkey_cloned',
] as const
export type FactorOperation = (typeof factorOperations)[number]

export const NotifyFactorsChanged = defineEvent({
  type: 'notify.factors-changed',
  summary: 'Notify one confirmed address that a second factor of the customer was added or removed.',
  data: Type.Object({
    ...about,
    operation: OneOf([...factorOperations, 'reset']),
    ...unverified,
    ...reportLink,
    recipient: Sealed('notifier'),
    ip: Type.Optional(
      Type.String({
        description: 'Absent for a reset by the back office. Of a cloned passkey: that of the refused proof.',
      }),
    ),
    changedAt: Type.String({ format: 'date-time' }),
  }),
})

export const NotifyRestoreWaiting = defineEvent({
  type: 'notify.restore-waiting',
  summary: 'Notify one address that a restore with one proof waits, with a link to veto it; or that it was vetoed.',
  data: Type.Object({
    ...about,
    notice: OneOf(waitingRestoreNotices),
    vetoLink: Type.Optional({ ...Sealed('notifier'), description: 'Absent after a veto.' }),
    recipient: Sealed('notifier'),
    ip: Type.String({ description: 'Client address that opened it.' }),
    openedAt: Type.String({ format: 'date-time' }),
    endsAt: Type.String({ format: 'date-time', description: 'From then on the password can be set.' }),
  }),
})

export const NotifyAskedWhileBlocked = defineEvent({
  type: 'notify.asked-while-blocked',
  summary:
    'Notify one confirmed address that somebody asked for a code while the account is blocked; at most once a day.',
  data: Type.Object({
    ...about,
    recipient: Sealed('notifier'),
    askedAt: Type.String({ format: 'date-time' }),
  }),
})
