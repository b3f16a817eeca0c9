import type { KeyObject } from 'node:crypto'
import {
  BlockLifted,
  CompromiseReported,
  RekeyError,
  type ReportCompromiseReply,
  type ReportCompromiseRequest,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import type { ReportLinks } from '../notifications/report-links.ts'
import { newEvent } from '../outbox/event.ts'
import { type Staff, staffForEvent, staffForLog } from '../staff/staff.ts'
import type { ReportStore } from './report-compromise.ts'

interface Deps {
  store: ReportStore
  readLink: ReportLinks['read']
  /** Seals usernames for the gateway. */
  usernameKey: KeyObject
  now: Now
  random: Random
  log: Logger
}

/** "It was not me": what blocks a customer, and what lifts the block. */
export const createReports = ({ store, readLink, usernameKey, now, random, log }: Deps) => {
  const refuse = (
    result: 'used' | 'expired' | 'invalid',
    address: string,
    about: object = {},
  ): ReportCompromiseReply => {
    log.warn({ event: 'authn_compromise_report_fail', reason: result, address, ...about }, 'report refused')
    return { result }
  }

  return {
    /**
     * Takes the token of a notice's link. From the commit on nobody signs in, restores, or uses a session.
     *
     * @throws RekeyError unavailable
     */
    async report({ token, ip }: ReportCompromiseRequest): Promise<ReportCompromiseReply> {
      const link = await readLink(token)
      if (!link) return refuse('invalid', ip)
      const { customerId, changeId, channel, expiresAt } = link
      const at = now()
      if (at >= expiresAt) return refuse('expired', ip, { customerId, changeId })
      const reported = await store.report(link, at, (customer, sessionEpoch) =>
        newEvent(CompromiseReported, random.id(), {
          customer: customer.code,
          customerId,
          changeId,
          channel,
          ip,
          sessionEpoch,
        }),
      )
      if (!('customer' in reported)) {
        return refuse(reported.result === 'used' ? 'used' : 'invalid', ip, { customerId, changeId })
      }
      const line = { customer: reported.customer.code, actor: 'client', changeId, channel, address: ip }
      log.warn({ event: 'authn_compromise_reported', ...line }, 'customer blocked: it was not them')
      return { result: 'reported' }
    },

    /**
     * Lets a customer sign in and restore again, whatever kept them out: a report, or wrong codes, which the gateway
     * counts by usernames. Safe to say of anyone.
     *
     * @throws RekeyError not_found, unavailable
     */
    async liftBlock(customerId: number, by: Staff): Promise<void> {
      const eventId = random.id()
      const lifted = await store.liftBlock(customerId, now(), async (customer, usernames) =>
        newEvent(BlockLifted, eventId, {
          customer: customer.code,
          customerId,
          ...staffForEvent(by),
          usernames: await Promise.all(usernames.map((username) => seal(usernameKey, eventId, username))),
        }),
      )
      if (!lifted) throw new RekeyError('not_found', { detail: 'There is no such customer.' })
      const { customer, wasBlocked, forgivenFailures } = lifted
      log.info(
        {
          event: 'authn_block_lifted',
          customer: customer.code,
          wasBlocked,
          failures: forgivenFailures,
          ...staffForLog(by),
        },
        'nothing keeps the customer out any more',
      )
    },
  }
}

export type Reports = ReturnType<typeof createReports>
