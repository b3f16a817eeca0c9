import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Reason, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { vetoes, waitingRestoreNotices, waitingRestoreStates } from '../waiting-restore.ts'
import { ApprovalNeeded } from './back-office.ts'
import { bearer, problems, refuses } from './problem.ts'

/** A restore that waits because its customer could give one proof of two. */
const WaitingRestore = Type.Object(
  {
    id: Uuid,
    state: OneOf(waitingRestoreStates, {
      description:
        'waiting: no password can be set yet. ready: it can be set until expiresAt. The others are outcomes.',
    }),
    channel: OneOf(['email', 'sms'], { description: 'The method that was proven, and must be proven again.' }),
    clientId: Type.String({ description: 'OAuth client of the first proof.', examples: ['ib_localhost'] }),
    ip: Type.String({ description: 'Client address that opened it.', examples: ['203.0.113.7'] }),
    createTime: Time,
    endsAt: { ...Time, description: 'End of the wait. Whole seconds, UTC.' },
    expiresAt: { ...Time, description: 'Until then the password can be set. Whole seconds, UTC.' },
    lastNotice: OneOf(
      waitingRestoreNotices.filter((notice) => notice !== 'vetoed'),
      {
        description:
          'The notice that every address was sent last: of the opening, at half time, before the end, or of the end by the staff (C12).',
      },
    ),
    endedEarlyAt: Type.Optional({ ...Time, description: 'When the staff ended the wait early (C12).' }),
    finishTime: Type.Optional({ ...Time, description: 'When it came to its outcome. Whole seconds, UTC.' }),
    vetoedBy: Type.Optional(OneOf(vetoes, { description: 'The act that vetoed it.' })),
  },
  {
    examples: [
      {
        id: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
        state: 'vetoed',
        channel: 'email',
        clientId: 'ib_localhost',
        ip: '203.0.113.7',
        createTime: '2022-01-01T00:00:00+00:00',
        endsAt: '2022-01-02T00:00:00+00:00',
        expiresAt: '2022-01-05T00:00:00+00:00',
        lastNotice: 'opened',
        finishTime: '2022-01-01T06:00:00+00:00',
        vetoedBy: 'link',
      },
    ],
  },
)
export type WaitingRestore = Static<typeof WaitingRestore>

const about = { tags: ['Back office'], ...bearer(scopes.backOffice), params: Type.Object({ clientId: SerialId }) }
const body = Type.Object({ reason: Reason })

/** C10. */
export const ListClientWaitingRestores = {
  ...about,
  operationId: 'listClientWaitingRestores',
  summary: "List a customer's waiting restores of the last 30 days, newest first",
  description: 'At most 20. One of them waits or is ready, at most.',
  response: {
    200: Type.Object({ total: Type.Integer({ examples: [1] }), data: Type.Array(WaitingRestore) }),
    ...problems,
  },
}
export type WaitingRestoreList = Static<(typeof ListClientWaitingRestores.response)[200]>

/** C11. Waits for no second person: it protects the customer. */
export const VetoClientWaitingRestore = {
  ...about,
  operationId: 'vetoClientWaitingRestore',
  summary: "Veto a customer's waiting restore: no password can be set by it",
  description: 'May be repeated. For the time of a wait no other restore of the customer can wait.',
  ...refuses('no_waiting_restore'),
  body,
  response: { 204: Type.Null({ description: 'The last waiting restore is vetoed.' }), ...problems },
}

/** C12. */
export const EndClientWait = {
  ...about,
  operationId: 'endClientWait',
  summary: "Ask for the early end of a customer's wait: once a second person approves, the password can be set",
  description:
    'Whatever the configuration, it needs a second person, and a verification of the customer of the last 15 minutes (C8, C9) by the caller and by another method than the one that opened the restore. The customer is notified of the end, and can still veto.',
  ...refuses('customer_not_verified', 'no_waiting_restore', 'owner_unknown'),
  body,
  response: { 202: ApprovalNeeded, ...problems },
}
