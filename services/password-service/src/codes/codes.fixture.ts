import { ChallengeIssued, type EventData, RestoreRequested } from '@rekey/contracts'
import { hashForLog } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import type { startPasswordService } from '@rekey/test-support/password-service'

type Service = Awaited<ReturnType<typeof startPasswordService>>

/** A code that is sealed for the notifier: this service cannot open it. */
export const sealedCode = 'eyJhbGciOiJkaXIifQ..planted.code.xyz'

/** Publishes a gateway's events of codes, and reads what the service does with them. */
export const createCodeSource = (service: Service) => {
  const { publisher, clock, query } = service

  const codeFields = (challengeId: string) => ({
    challengeId,
    sendNumber: 1,
    clientId: 'ib_localhost',
    code: sealedCode,
    verificationCode: '7024',
    ip: '203.0.113.7',
    expiresAt: new Date(clock.now().getTime() + 600_000).toISOString(),
  })

  const requestRestore = async (
    username: string,
    {
      challengeId = systemRandom.id(),
      eventId = systemRandom.id(),
      ...more
    }: Partial<EventData<typeof RestoreRequested>> & { eventId?: string } = {},
  ) => {
    await publisher.publish(RestoreRequested, {
      id: eventId,
      subject: challengeId,
      data: {
        ...codeFields(challengeId),
        username: await service.sealUsername(challengeId, username),
        ...more,
      },
    })
    return challengeId
  }

  const issueChallenge = async (customer: string, device: string, more: object = {}) => {
    const challengeId = systemRandom.id()
    await publisher.publish(ChallengeIssued, {
      subject: challengeId,
      data: { ...codeFields(challengeId), purpose: 'login', customer, device, ...more },
    })
    return challengeId
  }

  const sent = (challengeId: string) =>
    eventually(
      async () => {
        const events = await service.events('NOTIFY', challengeId)
        return events.length > 0 ? events : undefined
      },
      { what: 'the code to be published' },
    )

  /** Waits until every event of the gateway has been handled. */
  const everythingHandled = async () => {
    // Once this one is handled, the consumers exist.
    const { addresses } = await service.customer()
    await sent(await requestRestore(addresses[0] ?? ''))
    const { consumers } = await service.broker.connection().jetstreamManager()
    await eventually(
      async () => {
        const all = await consumers.list('AUTH').next()
        return all.every((consumer) => consumer.num_ack_pending === 0 && consumer.num_pending === 0)
      },
      { what: 'every event to be acknowledged' },
    )
  }

  return {
    requestRestore,
    issueChallenge,
    sent,
    everythingHandled,

    /** The record of a challenge's customer, if there is one. */
    restoreRequests: (challengeId: string) =>
      query('SELECT * FROM restore_request WHERE challenge_id = $1', [challengeId]),

    /** The logged reasons why a challenge's codes were not sent. */
    reasonsOf(challengeId: string) {
      const challenge = hashForLog(challengeId)
      return service
        .logged('code_not_sent')
        .filter((line) => line.challenge === challenge)
        .map(({ severity, reason }) => `${severity}: ${reason}`)
    },
  }
}
