import type { KeyObject } from 'node:crypto'
import { type Recipient, reportLinkDays } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'

/** Which notice a link stood in. */
export interface NoticeAbout {
  customerId: number
  /** Id of the history record that the notice told of. */
  changeId: number
  channel: Recipient['channel']
}

/** What a link says: whoever has it may block the customer, once. */
export interface Report extends NoticeAbout {
  jti: string
  expiresAt: Date
}

interface Deps {
  /** No other service has it: links are made and read here alone. */
  key: KeyObject
  /** Origin of the gateway (S32). */
  origin: string
  now: Now
  random: Random
}

/** Without names and with the time in seconds: the whole link stands in an SMS too. */
type Payload = [jti: string, customerId: number, changeId: number, channel: Recipient['channel'], expiresAt: number]

/** So that nothing else that may once be sealed with this key is taken for a link. */
const context = 'report'

/** The links of notices: "it was not me". */
export const createReportLinks = ({ key, origin, now, random }: Deps) => ({
  /** Address of the page for one notice; good for a week, once. */
  async make({ customerId, changeId, channel }: NoticeAbout): Promise<string> {
    const expiresAt = Math.floor(now().getTime() / 1_000) + reportLinkDays * 86_400
    const payload: Payload = [random.id(), customerId, changeId, channel, expiresAt]
    return `${origin}/not-me?token=${await seal(key, context, payload)}`
  },

  /** What a link's token says; undefined where we did not make it. Whether it has expired is the reader's to see. */
  async read(token: string): Promise<Report | undefined> {
    try {
      const [jti, customerId, changeId, channel, expiresAt] = await unseal<Payload>(key, context, token)
      return { jti, customerId, changeId, channel, expiresAt: new Date(expiresAt * 1_000) }
    } catch {
      return undefined
    }
  },
})

export type ReportLinks = ReturnType<typeof createReportLinks>
