import { type Static, Type } from '@sinclair/typebox'
import { OneOf } from '../fields.ts'
import { type ServiceName, serviceNames } from '../services.ts'

const request = Type.Object({
  sequence: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Number of the dead letter in the stream DEAD.',
    examples: [17],
  }),
  evenIfSent: Type.Optional(
    Type.Boolean({
      description: 'True: replays it although an earlier replay began too long ago to know if it succeeded.',
      examples: [false],
    }),
  ),
})

const reply = Type.Object({
  outcome: OneOf(['replayed', 'refused'], { examples: ['replayed'] }),
  reason: Type.Optional(
    Type.String({ description: 'Why it was refused.', examples: ['it expired at 2022-01-01T00:10:00.000Z'] }),
  ),
})

/** The subject names the publisher of the event: the broker lets no other service publish it. */
const replayBy = <Service extends ServiceName>(service: Service) =>
  ({
    subject: `dead-letters.replay.${service}`,
    summary: `Publish the event of a dead letter again, if it is one of the ${service}. The dead letter stays.`,
    request,
    reply,
  }) as const

/** The RPC by which each service replays dead letters of its own events. The caller names one, and gives no content. */
export const replayRpcs = Object.fromEntries(serviceNames.map((name) => [name, replayBy(name)])) as {
  [Service in ServiceName]: ReturnType<typeof replayBy<Service>>
}
export type ReplayRequest = Static<typeof request>
export type ReplayReply = Static<typeof reply>
