import { Type } from '@sinclair/typebox'
import { Sealed, Uuid } from '../fields.ts'

/** Fields of every event about a code that must be sent. */
export const codeMade = {
  challengeId: Uuid,
  sendNumber: Type.Integer({ minimum: 1, maximum: 1_000 }),
  clientId: Type.String(),
  code: Sealed('notifier'),
  verificationCode: Type.String(),
  ip: Type.String({ description: 'Client address that the gateway saw.' }),
  expiresAt: Type.String({ format: 'date-time' }),
}
