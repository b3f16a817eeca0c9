import { type Recipient, reportLinkDays } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'

/** The notification that contains a link. */
export interface ReportLinkAbout {
  customerId: number
  /** Id of the history record that the notification is about; `noChangeId` if it is about an address. */
  changeId: number
  channel: Recipient['channel']
}

/** A link's content: its bearer may block the customer, once. */
export interface ReportLink extends ReportLinkAbout {
  jti: string
  expiresAt: Date
}

export interface ReportLinkDeps {
  /** `report`: no other service has it, since links are made and read here only. */
  keys: { report: Keys }
  /** Origin of the gateway (S32). */
  publicUrl: string
  now: Now
  random: Random
}

/** An array, with the time in seconds: the whole link must fit into an SMS. */
type Payload = [jti: string, customerId: number, changeId: number, channel: Recipient['channel'], expiresAt: number]

/** Nothing else that is sealed with this key can be read as a link. */
const context = 'report'

/** Makes the link "it was not me" of one notification; it is valid for a week, once. */
export const makeReportLink = async (
  { keys, publicUrl, now, random }: ReportLinkDeps,
  { customerId, changeId, channel }: ReportLinkAbout,
): Promise<string> => {
  const expiresAt = Math.floor(now().getTime() / 1_000) + reportLinkDays * 86_400
  const payload: Payload = [random.id(), customerId, changeId, channel, expiresAt]
  return `${publicUrl}/not-me?token=${await seal(keys.report, context, payload)}`
}

/** Reads a link's token; undefined if it was not made here. The caller checks `expiresAt`. */
export const readReportLink = async (key: Keys, token: string): Promise<ReportLink | undefined> => {
  try {
    const [jti, customerId, changeId, channel, expiresAt] = await unseal<Payload>(key, context, token)
    return { jti, customerId, changeId, channel, expiresAt: new Date(expiresAt * 1_000) }
  } catch {
    return undefined
  }
}
