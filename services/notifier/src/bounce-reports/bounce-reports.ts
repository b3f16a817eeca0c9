import { MessageOutcome } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { counter, type Metrics } from '@rekey/platform/metrics'
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
  metrics: Metrics
  now: Now
}

/** Number of messages of which a repeated notification is recognised. */
const capacity = 10_000

const results = ['counted', 'repeated', 'no_failure', 'forged', 'not_a_report', 'too_large', 'not_stored'] as const

/**
 * Receives delivery status notifications of messages that the mail server had taken (RFC 3464). One of a failure is counted
 * once, and published as the message's outcome before it is answered: if the broker does not store it, the mail host is
 * asked to try again, and nothing is lost.
 *
 * @throws Error EADDRINUSE if the port is busy
 */
export const createBounceReports = ({ host, port, addresses, tls, ...deps }: Options) => {
  const { bounces, publisher, metrics, now } = deps
  const reports = counter(metrics, {
    name: 'rekey_bounce_reports_total',
    help:
      'Mails to bounce addresses, by what became of them: counted as a bounce; repeated; no_failure: of a delay or a ' +
      'delivery; forged: to no address of a message; not_a_report: other mail; too_large; not_stored: the broker was away',
    labels: { result: results },
  })
  const counted = new Set<string>()

  const record = async (messageId: string, { reason, codes }: Report & { reason: NonNullable<Report['reason']> }) => {
    const answer = `${codes} ${reason.replaceAll('_', ' ')}`
    const at = now().toISOString()
    const data = { messageId, channel: 'email', status: 'bounced', at, attempts: 0, answer } as const
    try {
      await publisher.publish(MessageOutcome, { id: `${messageId}.bounced`, subject: messageId, data })
    } catch (error) {
      reports.inc({ result: 'not_stored' })
      throw error
    }
    // Asked again: another connection may have brought the same notification meanwhile.
    if (counted.has(messageId)) return
    counted.add(messageId)
    for (const oldest of counted) {
      if (counted.size <= capacity) break
      counted.delete(oldest)
    }
    reports.inc({ result: 'counted' })
    bounces.count({ eventId: messageId, channel: 'email', reason, learnt: 'report' })
  }

  const take = async (messageId: string, mail: Buffer): Promise<string> => {
    const report = await readReport(mail).catch(() => undefined)
    if (!report) {
      reports.inc({ result: 'not_a_report' })
      throw new Refusal(554, '5.6.0 Not a delivery status notification (RFC 3464) that can be read')
    }
    const { reason, codes } = report
    if (reason === undefined || counted.has(messageId)) {
      reports.inc({ result: reason === undefined ? 'no_failure' : 'repeated' })
      return '2.0.0 Taken: nothing to count'
    }
    await record(messageId, { reason, codes })
    return '2.0.0 Taken: the bounce is counted'
  }

  const onRefusal = (result: 'forged' | 'not_a_report' | 'too_large') => reports.inc({ result })
  return startReceiver({ host, port, addresses, tls, take, onRefusal })
}
