import { type Recipient, reportLinkDays } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { hmac, type Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { unseal } from '@rekey/platform/seal'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import type { StoredReportLink } from '../outbox/event.ts'

/** A link's content: its bearer may block the customer, once. */
export interface ReportLink extends Omit<StoredReportLink, 'handleHmac'> {
  jti: string
}

export interface ReportLinkDeps {
  /** No other service has it, since links are made and read here only. */
  keys: { reportHandle: Keys }
  /** Origin of the gateway (S32). */
  publicUrl: string
  now: Now
  random: Random
}

/** S10. In base64url 22 characters, of which the last is a letter: programs that find links in texts keep it. */
const handleBytes = 16
const handlePattern = /^[\w-]{22}$/

const dayMs = 86_400_000

/** Path of a link: of the page that blocks the customer, or of the page that vetoes a waiting restore. */
export type LinkPath = 'n' | 'v'

/**
 * Makes the link "it was not me" of one notification, or the link of a veto; it is valid for a week, once. Its handle is random and short, so
 * that it fits into an SMS; only an HMAC of it is stored, so that a reader of the database has no link.
 */
export const makeReportLink = (
  { keys, publicUrl, now, random }: ReportLinkDeps,
  about: Pick<StoredReportLink, 'customerId' | 'changeId' | 'channel'>,
  path: LinkPath = 'n',
): { url: string; stored: StoredReportLink } => {
  const handle = random.bytes(handleBytes).toString('base64url')
  const expiresAt = new Date(now().getTime() + reportLinkDays * dayMs)
  const handleHmac = hmac(keys.reportHandle.current, handle)
  return { url: `${publicUrl}/${path}/${handle}`, stored: { ...about, handleHmac, expiresAt } }
}

/** Content of a link of an earlier version, with the time in seconds. */
type Payload = [jti: string, customerId: number, changeId: number, channel: Recipient['channel'], expiresAt: number]

/** Nothing else that is sealed with this key can be read as a link. */
const context = 'report'

const readSealed = async (keys: Keys, token: string): Promise<ReportLink | undefined> => {
  try {
    const [jti, customerId, changeId, channel, expiresAt] = await unseal<Payload>(keys, context, token)
    return { jti, customerId, changeId, channel, expiresAt: new Date(expiresAt * 1_000) }
  } catch {
    return undefined
  }
}

/**
 * Reads the token of a link: a handle, or the sealed token of an earlier version. Undefined if it was not made here. The
 * caller checks `expiresAt`.
 *
 * @throws RekeyError unavailable
 */
export const readReportLink = async (
  database: Database,
  keys: { report: Keys; reportHandle: Keys },
  token: string,
): Promise<ReportLink | undefined> => {
  if (!handlePattern.test(token)) return readSealed(keys.report, token)
  const hmacs = keys.reportHandle.all.map((key) => hmac(key, token))
  const found = await database.query((prisma) => prisma.reportLink.findFirst({ where: { handleHmac: { in: hmacs } } }))
  if (!found) return undefined
  const { eventId: jti, customerId, changeId, channel, expiresAt } = found
  return { jti, customerId, changeId, channel: channel as ReportLink['channel'], expiresAt }
}

/** Deletes links a week after they expired: until then they are answered that they have expired. */
export const deleteExpiredLinks =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(
      loops,
      { table: 'report_link', column: 'expires_at' },
      new Date(now.getTime() - reportLinkDays * dayMs),
      limit,
    )
