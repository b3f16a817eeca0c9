import { type Static, Type } from '@sinclair/typebox'
import { CompactToken, OneOf, Time } from '../fields.ts'

/** The gateway passes the sealed token of the second proof on: the password-service made it, and trusts nothing else. */
export const WaitingRestoreOpen = {
  subject: 'waiting-restores.open',
  summary: 'Open a waiting restore for a customer who cannot give the second proof.',
  request: Type.Object({
    mfaToken: { ...CompactToken, description: 'Token of the second proof.' },
    ip: Type.String(),
  }),
  reply: Type.Union([
    Type.Object({
      waits: Type.Literal(true),
      waitsUntil: Time,
      timezone: Type.String({ description: "The customer's, an IANA name." }),
    }),
    Type.Object({
      waits: Type.Literal(false),
      reason: OneOf(['off', 'grant', 'other_method', 'vetoed'], {
        description:
          'off: REKEY_SOLO_RESTORE_WAIT_HOURS is 0. grant: the first proof cannot be used any more. other_method: a restore by another method waits. vetoed: one was vetoed a short while ago.',
      }),
    }),
  ]),
}
export type WaitingRestoreOpenRequest = Static<typeof WaitingRestoreOpen.request>
export type WaitingRestoreOpenReply = Static<typeof WaitingRestoreOpen.reply>

/** The gateway's page sends the handle of the link in a notification of a waiting restore. */
export const WaitingRestoreVeto = {
  subject: 'waiting-restores.veto',
  summary: 'Veto a waiting restore through the link of a notification.',
  request: Type.Object({ token: CompactToken, ip: Type.String() }),
  reply: Type.Object({
    result: OneOf(['vetoed', 'completed', 'over', 'invalid'], {
      description:
        'vetoed: now or before. completed: the password was set. over: it ended in another way, or the link has expired.',
    }),
  }),
}
export type WaitingRestoreVetoRequest = Static<typeof WaitingRestoreVeto.request>
export type WaitingRestoreVetoReply = Static<typeof WaitingRestoreVeto.reply>
