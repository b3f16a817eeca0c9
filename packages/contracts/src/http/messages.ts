import { type Static, Type } from '@sinclair/typebox'
import { OneOf, SerialId, Time } from '../fields.ts'
import { messageChannels, messageKinds, messagePurposes, messageStatuses, suppressions } from '../messages.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems } from './problem.ts'

/** What was sent to a customer, or suppressed. Never a code, and no full address. */
const Message = Type.Object(
  {
    id: Type.Integer(),
    kind: OneOf(messageKinds),
    purpose: OneOf(messagePurposes, {
      description:
        'Of a code: what it permits. Of a temporary password: reset, if the customer asked for it (A3), or set, by the back office (B7). Of a notification: its event.',
    }),
    channel: OneOf(messageChannels),
    to: Type.String({ description: 'Masked address: b*1@gmail.com, +44*******01.' }),
    askedAt: Time,
    handedOverAt: Type.Optional({
      ...Time,
      description: 'When the mail server or SMS vendor accepted the message. Not proof that it arrived.',
    }),
    status: OneOf(messageStatuses, {
      description:
        'waiting: not tried yet. deferred: the last attempt failed and is repeated. handed_over: accepted. refused: rejected for good. suppressed: never sent, because of a limit, a lockout or a block. expired: not handed over in its time. bounced: the mail host of the address reported that it did not arrive.',
    }),
    reason: Type.Optional(
      Type.String({
        description: `Of a suppressed message: one of ${suppressions.join(', ')}. Otherwise the last answer of the mail server or SMS vendor, without addresses, numbers and quoted text.`,
      }),
    ),
    attempts: Type.Integer({ minimum: 0, description: 'Attempts to hand the message over.' }),
  },
  {
    examples: [
      {
        id: 48211,
        kind: 'code',
        purpose: 'restore',
        channel: 'email',
        to: 'b*1@gmail.com',
        askedAt: '2026-11-26T09:30:00+00:00',
        handedOverAt: '2026-11-26T09:30:01+00:00',
        status: 'handed_over',
        reason: '250 2.0.0 Ok: queued as 4F2A1B9C',
        attempts: 1,
      },
    ],
  },
)
export type Message = Static<typeof Message>

/** B13. */
export const ListClientMessages = {
  operationId: 'listClientMessages',
  summary: 'List the messages of a customer in the last 30 days, newest first, and what became of each',
  tags: ['Back office'],
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId }),
  querystring: Type.Object({
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
    offset: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }),
  }),
  response: { 200: Type.Object({ total: Type.Integer(), data: Type.Array(Message) }), ...problems },
}
