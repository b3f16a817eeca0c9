import { MessageOutcome } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Publisher } from '@rekey/platform/publisher'
import type { ListenerTls } from '@rekey/platform/tls'
import type { Bounces } from '../channels/bounces.ts'
import type { BounceAddresses } from './bounce-address.ts'
import { Refusal, startReceiver } from './receiver.ts'
import { type Report, readReport } from './report.ts'

interface Options {
  host: string
  /** 0: any free port. */
  port: number
  addresses: BounceAddresses
  tls: ListenerTls | undefined
  bounces: Bounces
  publisher: Publisher
  now: Now
}

/** Number of messages of which a repeated notification is recognised. */
const capacity = 10_000

/**
 * Receives delivery status notifications of messages that the mail server had taken (RFC 3464). One of a failure is counted
 * once, and published as the message's outcome before it is answered: if the broker does not store it, the mail host is
 * asked to try again, and nothing is lost.
 *
 * @throws Error EADDRINUSE if the port is busy
 */
export const createBounceReports = ({ host, port, addresses, tls, ...deps }: Options) => {
  const { bounces, publisher, now } = deps
  const counted = new Set<string>()

  const record = async (messageId: string, { reason, codes }: Report & { reason: NonNullable<Report['reason']> }) => {
    const answer = `${codes} ${reason.replaceAll('_', ' ')}`
    const at = now().toISOString()
    const data = { messageId, channel: 'email', status: 'bounced', at, attempts: 0, answer } as const
    try {
      await publisher.publish(MessageOutcome, { id: `${messageId}.bounced`, subject: messageId, data })
    } catch (error) {
      bounces.countReport('not_stored')
      throw error
    }
    // Asked again: another connection may have brought the same notification meanwhile.
    if (counted.has(messageId)) return
    counted.add(messageId)
    for (const oldest of counted) {
      if (counted.size <= capacity) break
      counted.delete(oldest)
    }
    bounces.countReport('counted')
    bounces.count({ eventId: messageId, channel: 'email', reason, learnt: 'report' })
  }

  const take = async (messageId: string, mail: Buffer): Promise<string> => {
    const report = await readReport(mail).catch(() => undefined)
    if (!report) {
      bounces.countReport('not_a_report')
      throw new Refusal(554, '5.6.0 Not a delivery status notification (RFC 3464) that can be read')
    }
    const { reason, codes } = report
    if (reason === undefined || counted.has(messageId)) {
      bounces.countReport(reason === undefined ? 'no_failure' : 'repeated')
      return '2.0.0 Taken: nothing to count'
    }
    await record(messageId, { reason, codes })
    return '2.0.0 Taken: the bounce is counted'
  }

  return startReceiver({ host, port, addresses, tls, take, onRefusal: bounces.countReport })
}
