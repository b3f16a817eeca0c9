import { type Static, Type } from '@sinclair/typebox'
import { OneOf, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { vetoes, waitingRestoreStates } from '../waiting-restore.ts'
import { bearer, problems } from './problem.ts'

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
        finishTime: '2022-01-01T06:00:00+00:00',
        vetoedBy: 'link',
      },
    ],
  },
)
export type WaitingRestore = Static<typeof WaitingRestore>

export const ListClientWaitingRestores = {
  operationId: 'listClientWaitingRestores',
  summary: "List a customer's waiting restores of the last 30 days, newest first",
  description: 'At most 20. One of them waits or is ready, at most. The staff cannot shorten the wait.',
  tags: ['Back office'],
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId }),
  response: {
    200: Type.Object({ total: Type.Integer({ examples: [1] }), data: Type.Array(WaitingRestore) }),
    ...problems,
  },
}
export type WaitingRestoreList = Static<(typeof ListClientWaitingRestores.response)[200]>
