import { Type } from '@sinclair/typebox'
import { Sealed, Uuid } from '../fields.ts'

/** What every event says of a code that was made and is to be sent. */
export const codeMade = {
  challengeId: Uuid,
  sendNumber: Type.Integer({ minimum: 1 }),
  clientId: Type.String(),
  code: Sealed('notifier'),
  verificationCode: Type.String(),
  ip: Type.String({ description: 'Address the gateway saw.' }),
  expiresAt: Type.String({ format: 'date-time' }),
}
