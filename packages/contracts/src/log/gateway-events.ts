import { Type } from '@sinclair/typebox'
import { Purpose } from '../fields.ts'
import { alwaysLog } from './event.ts'
import {
  Client,
  Count,
  Customer,
  Hash,
  Id,
  Name,
  Network,
  Origin,
  Subject,
  Text,
  Thrown,
  Time,
  Word,
} from './fields.ts'

const service = 'auth-gateway'
const code = { challenge: Hash, clientId: Client, address: Network }
const purposes = Purpose.enum as Purpose[]

/** Security events of the gateway: codes, sign-in, sessions, limits, tokens, the console. */
export const gatewayEvents = {
  authn_challenge_sent: alwaysLog({
    severity: 'info',
    service,
    message: 'code published',
    when: 'A code was made and published. The account may be unknown: nothing is sent then.',
    action: '',
    fields: { flow: Name, ...code, attempt: Count },
  }),
  authn_challenge_success: alwaysLog({
    severity: 'info',
    service,
    message: 'code accepted',
    when: 'The right code was entered.',
    action: '',
    fields: code,
  }),
  authn_challenge_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'code refused',
    when: 'A code was refused. `missing`: expired, used, or of another request. `locked`: after five wrong codes. `locked_out`: a request during a lockout.',
    action:
      'Many of one `account` or `address`: see [Someone cannot restore after wrong codes](operations.md#someone-cannot-restore-after-wrong-codes) and [A right password is answered 429](operations.md#a-right-password-is-answered-429).',
    fields: {
      reason: Word(['wrong', 'missing', 'locked', 'locked_out']),
      address: Network,
      challenge: Type.Optional(Hash),
      clientId: Type.Optional(Client),
      attempt: Type.Optional(Count),
      purpose: Type.Optional(Word(purposes)),
      retryAfterSeconds: Type.Optional(Count),
      customer: Type.Optional(Customer),
      account: Type.Optional(Hash),
    },
  }),
  authn_login_success: alwaysLog({
    severity: 'info',
    service,
    message: 'customer signed in',
    when: 'A customer signed in with password and code.',
    action: '',
    fields: { customer: Customer, clientId: Client, address: Network },
  }),
  authn_login_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'password refused',
    when: 'A wrong password, or an unknown username.',
    action: 'Many of one `address` with many values of `account`: password spraying. Block the address in front.',
    fields: { account: Hash, clientId: Client, address: Network },
  }),
  excess_rate_limit_exceeded: alwaysLog({
    severity: 'warn',
    service,
    message: 'rate limit exceeded',
    when: 'A quota is used up, or a lockout began (`by` `budget`). Once until the quota recovers.',
    action: 'Page someone for `by` `all`; else see [Limits](operations.md#limits).',
    fields: {
      action: Word(['code', 'answer', 'login', 'token', 'password']),
      by: Word(['address', 'account', 'client', 'all', 'budget']),
      allowance: Count,
      retryAfterSeconds: Count,
      clientId: Type.Optional(Client),
      address: Network,
      account: Type.Optional(Hash),
    },
  }),
  session_revoked: alwaysLog({
    severity: 'warn',
    service,
    message: 'session revoked',
    when: 'One session was ended, or a refresh token or authorization code was used twice.',
    action: '`refresh_token_reused` and `code_replayed`: a token was copied. Ask the client where it keeps tokens.',
    fields: {
      reason: Word(['revoked', 'refresh_token_reused', 'code_replayed']),
      by: Type.Optional(Word(['customer'])),
      clientId: Client,
      sessionId: Id,
    },
  }),
  all_sessions_ended: alwaysLog({
    severity: 'warn',
    service,
    message: 'all sessions that began before have ended',
    when: 'A reset of all customers began. Each gateway writes it.',
    action: '',
    fields: { notBefore: Time },
  }),
  ended_sessions_read_again: alwaysLog({
    severity: 'warn',
    service,
    message: 'Redis was replaced: ended sessions are read again',
    when: 'Redis lost its data or was restored from a copy. Also at the first start with a new Redis.',
    action:
      'If you did not replace Redis, find out who did: see [A store was restored](operations.md#a-store-was-restored-from-a-copy).',
    fields: {
      after: Type.Object(
        { AUTH: Type.Optional(Count), PASSWORD: Type.Optional(Count) },
        { 'x-form': 'positions', 'x-form-text': 'sequence numbers by stream' },
      ),
    },
  }),
  token_refused: alwaysLog({
    severity: 'error',
    service,
    message: 'no token issued: the scope is not allowed',
    when: 'A token would have had a scope that its flow or its client may not have.',
    action: '`tampering`: look for a writer in Redis. Else the registration of the client changed meanwhile.',
    fields: { flow: Name, clientId: Client, scope: Text, reason: Text },
  }),
  stored_record_tampered: alwaysLog({
    severity: 'error',
    service,
    message: 'a record in Redis was not written by the gateway: refused',
    when: 'The MAC of a record in Redis is wrong.',
    action:
      'After a replaced `REKEY_CODE_KEY` it is expected ([Secret keys](operations.md#secret-keys)). Else look for a writer in Redis.',
    fields: { kind: Name, record: Hash, reason: Type.Optional(Text) },
  }),
  origin_refused: alwaysLog({
    severity: 'warn',
    service,
    message: 'a page of an origin that no client has registered called the gateway',
    when: 'A browser sent a request for a page of an unregistered origin. Once an hour for each origin, a hundred at most.',
    action: 'If the page is yours, add its origin to `origins` of a client.',
    fields: { origin: Origin },
  }),
  authn_staff_login: alwaysLog({
    severity: 'info',
    service,
    message: 'a member of staff signed in to the console',
    when: 'A member of staff signed in.',
    action: '',
    fields: { actorId: Subject, address: Network, session: Hash },
  }),
  authn_staff_login_fail: alwaysLog({
    severity: 'warn',
    service,
    message: 'a sign-in to the console was refused',
    when: 'The identity provider, or the console, refused a sign-in. `notStaff`: the person has no `REST:FULL`.',
    action: 'Compare `err` with the log of the identity provider.',
    fields: { reason: Word(['notStaff', 'unknown', 'refused']), address: Network, err: Thrown },
  }),
  authn_staff_logout: alwaysLog({
    severity: 'info',
    service,
    message: 'a member of staff signed out of the console',
    when: 'A member of staff signed out.',
    action: '',
    fields: { actorId: Subject, address: Network },
  }),
}
