import {
  type Address,
  type MessageChannel,
  type MessageKind,
  type MessagePurpose,
  maskAddress,
  type Suppression,
} from '@rekey/contracts'
import { Prisma } from '../generated/prisma/client.ts'

/** What the log says of a message, besides its id and time (B13). No code, and no full address. */
export interface NewMessage {
  customerId: number
  kind: MessageKind
  purpose: MessagePurpose
  channel: MessageChannel
  maskedTo: string
  /** The message has no use from then on. */
  expiresAt?: Date | undefined
}

export type LoggedAddress = Pick<NewMessage, 'channel' | 'maskedTo'>

/** A code, as the log has it. */
export interface LoggedCode {
  challengeId: string
  sendNumber: number
  purpose: Extract<MessagePurpose, 'restore' | 'change' | 'login' | 'verification'>
  to: LoggedAddress
  /** When the customer asked for it. */
  askedAt: Date
  expiresAt: Date
}

export const loggedAddress = (address: Address): LoggedAddress => ({
  channel: address.kind === 'email' ? 'email' : 'sms',
  maskedTo: maskAddress(address),
})

/** The address that a device names: `oob:sms:+44*******01`. */
export const loggedDevice = (device: string): LoggedAddress => {
  const [, channel, maskedTo = ''] = /^oob:(email|sms):(.*)$/s.exec(device) ?? []
  return { channel: channel === 'sms' ? 'sms' : 'email', maskedTo }
}

/**
 * SQL that logs messages. It is part of the statement of their cause: no request waits for another round trip, and none
 * is missing. A message that was logged before stays as it is.
 *
 * @param source SQL of a query with the columns of new messages
 */
export const logMessages = (source: Prisma.Sql) => Prisma.sql`
  INSERT INTO message (
    ref, send_number, customer_id, kind, purpose, channel, masked_to, asked_at, expires_at, status, status_at, reason
  )
  SELECT ref, send_number, customer_id, kind::message_kind, purpose, channel::message_channel, masked_to, asked_at,
         expires_at, status::message_status, asked_at, reason
  FROM (${source}) AS new_message
  ON CONFLICT (ref, send_number) DO NOTHING`

/** SQL of the columns of a code, except for those of its customer. `suppression`: SQL, empty if the code is sent. */
export const codeColumns = (
  { challengeId, sendNumber, purpose, to, askedAt, expiresAt }: LoggedCode,
  suppression: Prisma.Sql,
) => Prisma.sql`
  ${challengeId}::uuid AS ref, ${sendNumber}::smallint AS send_number, 'code' AS kind, ${purpose}::text AS purpose,
  ${to.channel}::text AS channel, ${to.maskedTo}::text AS masked_to, ${askedAt}::timestamptz AS asked_at,
  ${expiresAt}::timestamptz AS expires_at,
  CASE WHEN ${suppression} = '' THEN 'waiting' ELSE 'suppressed' END AS status, ${suppression} AS reason`

/** SQL of the name of a suppression; of none by default. */
export const suppressionSql = (name: Suppression | '' = '') => Prisma.sql`${name}::text`
