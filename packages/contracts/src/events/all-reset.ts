import { Type } from '@sinclair/typebox'
import { defineEvent } from './event.ts'

export const AllPasswordsResetRequested = defineEvent({
  type: 'password.all-reset-requested',
  summary:
    'The back office demanded a new password of all customers. Every session of a customer that began at or before `notBefore` ends at once; `password.reset-requested` follows for each customer as the job reaches it.',
  data: Type.Object({
    jobId: Type.String(),
    notBefore: Type.String({ format: 'date-time' }),
    total: Type.Integer({ description: 'Number of customers; an estimate above 100,000.' }),
    actorId: Type.String(),
    clientId: Type.String(),
    ip: Type.String(),
    approvedBy: Type.Optional(
      Type.String({
        description: 'Token subject of the second person who approved; absent if no approval was needed.',
      }),
    ),
  }),
})
