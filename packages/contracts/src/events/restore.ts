import { Type } from '@sinclair/typebox'
import { Sealed, Uuid } from '../fields.ts'
import { defineEvent } from './event.ts'

/** Somebody asked for a code to restore a password. Whether the account exists is not known where this is published. */
export const RestoreRequested = defineEvent({
  type: 'auth.restore.requested',
  summary: 'A restore was asked for, or its code asked for again.',
  data: Type.Object({
    challengeId: Uuid,
    sendNumber: Type.Integer({ minimum: 1 }),
    clientId: Type.String(),
    username: Sealed('password-service'),
    code: Sealed('notifier'),
    verificationCode: Type.String(),
    ip: Type.String({ description: 'Address the gateway saw.' }),
    claimedIp: Type.Optional(Type.String({ description: 'Address the client claims for its user.' })),
    expiresAt: Type.String({ format: 'date-time' }),
  }),
})
