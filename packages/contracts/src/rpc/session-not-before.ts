import { type Static, Type } from '@sinclair/typebox'

/** The gateway reads the not-before of sessions at each connection to the broker, and when an event announces a new one. */
export const SessionNotBefore = {
  subject: 'sessions.not-before',
  summary: 'Get the not-before of all sessions: each session of a customer that began at or before it has ended.',
  request: Type.Object({}),
  reply: Type.Object({
    notBefore: Type.Optional(
      Type.String({ format: 'date-time', description: 'Absent: no reset of all customers has been started.' }),
    ),
  }),
}
export type SessionNotBeforeReply = Static<typeof SessionNotBefore.reply>
