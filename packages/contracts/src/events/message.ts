import { Type } from '@sinclair/typebox'
import { OneOf, SerialId } from '../fields.ts'
import { longestAnswer, messageChannels, messageOutcomes } from '../messages.ts'
import { defineEvent } from './event.ts'

export const MessageOutcome = defineEvent({
  type: 'message.outcome',
  summary:
    'The notifier handed a message over, or an attempt to do so failed. At least once for each attempt up to the seventh, then for every tenth, and for the last one. Or a message bounced: a delivery status notification came back after the hand-over.',
  data: Type.Object({
    messageId: Type.String({
      pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\\.\\d{1,4})?$',
      description: 'Id of the event that asked for the message.',
    }),
    customerId: Type.Optional({ ...SerialId, description: 'Absent if the message bounced.' }),
    channel: Type.Optional(OneOf(messageChannels, { description: 'Absent if the recipient could not be read.' })),
    status: OneOf(messageOutcomes),
    at: Type.String({ format: 'date-time', description: 'When the attempt ended.' }),
    attempts: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Attempts up to then.' }),
    answer: Type.Optional(
      Type.String({
        pattern: `^[\\x20-\\x7E]{1,${longestAnswer}}$`,
        description:
          'Answer of the mail server or SMS vendor, without addresses, numbers and quoted text; or why there is none.',
      }),
    ),
  }),
})
