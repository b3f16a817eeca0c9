import { Type } from '@sinclair/typebox'
import { factorOperations } from '../events/notify.ts'
import { Purpose } from '../fields.ts'
import { enrolledMethods, factorPurposes } from '../rpc/factors.ts'
import { alwaysLog } from './event.ts'
import { byStaff, Client, Count, Customer, Flag, Hash, Network, Text, Time, TimeOr, Word } from './fields.ts'

const service = 'password-service'
const purposes = Purpose.enum as Purpose[]

const change = {
  challenge: Type.Optional(Hash),
  customer: Customer,
  actor: Word(['client']),
  clientId: Client,
  address: Network,
  channel: Word(['api']),
}
const replaced = {
  ...change,
  customer: Type.Optional(Customer),
  clientId: Type.Optional(Client),
  claimedIp: Type.Optional(Network),
}
const notReplaced = { ...replaced, reason: Text }
const refusal = 'Many of one `address` or `customer`: somebody guesses grants, or a client sends one twice.'

const factorProof = {
  challenge: Hash,
  customer: Customer,
  factor: Word(enrolledMethods),
  purpose: Word([...factorPurposes, 'verification']),
}

/** Security events of the password-service about one customer. */
export const customerEvents = {
  authn_password_change: alwaysLog({
    severity: 'info',
    service,
    message: 'password replaced',
    when: 'A signed-in customer changed the password.',
    action: '',
    fields: replaced,
  }),
  authn_password_change_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'password not replaced',
    when: 'A change was refused. `reason`: the error code, or why the grant cannot be used.',
    action: refusal,
    fields: notReplaced,
  }),
  authn_password_restore: alwaysLog({
    severity: 'info',
    service,
    message: 'password replaced',
    when: 'A customer who had forgotten the password set a new one.',
    action: '',
    fields: replaced,
  }),
  authn_password_restore_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'password not replaced',
    when: 'A restore was refused at its last step. `reason`: the error code, or why the grant cannot be used.',
    action: `${refusal} \`locked out\`: see [below](operations.md#someone-cannot-restore-after-wrong-codes).`,
    fields: notReplaced,
  }),
  authn_temporary_password_issued: alwaysLog({
    severity: 'info',
    service,
    message: 'password replaced',
    when: 'A customer who had forgotten the password asked for a temporary one (A3).',
    action: '',
    fields: replaced,
  }),
  authn_temporary_password_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'password not replaced',
    when: 'A3 issued no temporary password. `reason` as above.',
    action: refusal,
    fields: notReplaced,
  }),
  authn_temporary_password_used: alwaysLog({
    severity: 'info',
    service,
    message: 'temporary password used up',
    when: 'A customer signed in with a temporary password, which now only serves to change it.',
    action: '',
    fields: { customer: Customer, clientId: Client },
  }),
  authn_restore_locked: alwaysLog({
    severity: 'warn',
    service,
    message: 'restore is locked after too many wrong codes',
    when: 'Ten failed attempts, or ten more, locked restore for a customer.',
    action: 'See [Someone cannot restore after wrong codes](operations.md#someone-cannot-restore-after-wrong-codes).',
    fields: { customer: Customer, failures: Count, from: Time, until: TimeOr('lifted') },
  }),
  authn_compromise_reported: alwaysLog({
    severity: 'warn',
    service,
    message: 'customer blocked after a compromise report',
    when: 'A customer reported a change through the link "it was not me". The customer is blocked.',
    action: 'See [Someone says "it was not me"](operations.md#someone-says-it-was-not-me).',
    fields: {
      customer: Customer,
      actor: Word(['client']),
      changeId: Count,
      channel: Word(['email', 'sms']),
      address: Network,
    },
  }),
  authn_compromise_report_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'compromise report refused',
    when: 'A report link had no effect. `used`: the customer was blocked at that time.',
    action: '`expired`, `invalid`: speak with the customer, as above.',
    fields: {
      reason: Word(['used', 'expired', 'invalid']),
      address: Network,
      customerId: Type.Optional(Count),
      changeId: Type.Optional(Count),
    },
  }),
  authn_sessions_ended: alwaysLog({
    severity: 'info',
    service,
    message: 'all sessions ended',
    when: 'All sessions of a customer ended: by the customer, who kept one, or by the back office.',
    action: '',
    fields: {
      ...byStaff,
      customer: Customer,
      actor: Word(['client', 'back_office']),
      actorId: Type.Optional(byStaff.actorId),
    },
  }),
  authn_factor_proof: alwaysLog({
    severity: 'info',
    service,
    message: 'second proof is right',
    when: 'A code of an authenticator app, a recovery code or a passkey was right; it is used up.',
    action: '',
    fields: factorProof,
  }),
  authn_factor_proof_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'second proof is wrong',
    when: 'Such a proof was refused. `used`: it was right, and used before. `not_enrolled`: the customer is unknown or has no such method. Of passkeys: `late`: its challenge has expired; `other_origin`: the page is none of REKEY_PUBLIC_URL and REKEY_PASSKEY_ORIGINS; `unverified`: the authenticator did not verify the customer; `cloned`: the counter went back, and the passkey was removed.',
    action:
      'Many of one `customer`: somebody knows a first proof and guesses the second. `other_origin` of many customers: an origin is missing in REKEY_PASSKEY_ORIGINS, or a page imitates yours.',
    fields: {
      ...factorProof,
      reason: Word(['wrong', 'used', 'not_enrolled', 'late', 'other_origin', 'unverified', 'cloned']),
    },
  }),
  authn_factor_change: alwaysLog({
    severity: 'info',
    service,
    message: 'second factors changed',
    when: 'A customer enrolled or removed an authenticator app or a passkey, or was issued recovery codes.',
    action: '',
    fields: { ...change, operation: Word([...factorOperations]) },
  }),
  authn_factor_change_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'second factors not changed',
    when: 'A change of the second factors was refused. `reason`: the error code, or why the grant cannot be used.',
    action: refusal,
    fields: { ...change, reason: Text },
  }),
  session_epoch_raised: alwaysLog({
    severity: 'warn',
    service: ['auth-gateway', 'password-service'],
    message: 'session epoch raised',
    when: 'Postgres had an older session epoch than the gateway, as after it was restored from a copy. Once for each such customer.',
    action: 'If you did not restore Postgres, find out who changed it.',
    fields: { customer: Customer, verifiedEpoch: Count, gatewayEpoch: Count },
  }),
  code_handed_to_notifier: alwaysLog({
    severity: 'info',
    service,
    message: 'code published for the notifier',
    when: 'A code was published for the notifier. Next in its trace: `message_sent`.',
    action: '',
    fields: {
      challenge: Hash,
      customer: Customer,
      purpose: Word(purposes),
      channel: Word(['email', 'sms']),
      attempt: Count,
    },
  }),
  code_not_sent: alwaysLog({
    severity: 'info',
    service,
    message: 'code not sent',
    when: 'A code was suppressed, or nobody can receive it. The caller is never told.',
    action: 'See [Someone says "I got no code"](operations.md#someone-says-i-got-no-code).',
    fields: {
      challenge: Hash,
      reason: Word(['unknown or blocked', 'expired', 'no such device', 'limit', 'lockout']),
    },
  }),
  blocked_customer_notified: alwaysLog({
    severity: 'info',
    service,
    message: 'notified a blocked customer who asked for a code',
    when: 'Somebody asked for a code of a blocked customer, who is notified of it once a day at most.',
    action: '',
    fields: { customer: Customer },
  }),
  customer_stored: alwaysLog({
    severity: 'info',
    service,
    message: 'customer stored',
    when: 'The platform created or changed a customer by the RPC `customers.upsert`.',
    action: '',
    fields: {
      customer: Customer,
      created: Flag,
      passwordStored: Flag,
      totpsStored: Count,
      passkeysStored: Count,
      addressesAdded: Count,
      addressesRemoved: Count,
    },
  }),
  customer_erased: alwaysLog({
    severity: 'info',
    service,
    message: 'customer erased',
    when: "The platform erased a customer by the RPC `customers.erase`. The reason is in the customer's last record.",
    action: '',
    fields: { customerId: Count, records: Count },
  }),
  credential_rehashed: alwaysLog({
    severity: 'info',
    service,
    message: 'a foreign password hash was replaced by our own',
    when: 'A customer with an imported hash signed in.',
    action: '',
    fields: { customer: Customer },
  }),
}
