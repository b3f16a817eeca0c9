// The log of messages (B13). The password-service writes it, and the notifier says what became of each message.

/** How long the log keeps a message, in days. */
export const messageLogDays = 30

export const messageKinds = ['code', 'notification', 'temporary_password'] as const
export type MessageKind = (typeof messageKinds)[number]

export const messagePurposes = [
  // Of codes.
  'restore',
  'change',
  'login',
  'verification',
  // Of temporary passwords: the operation of the history.
  'reset',
  'set',
  // Of notifications: the event's type after `notify.`.
  'password_changed',
  'reset_requested',
  'restore_blocked',
  'protection_changed',
  'address_removed',
  'asked_while_blocked',
  'factors_changed',
  'restore_waiting',
] as const
export type MessagePurpose = (typeof messagePurposes)[number]

export const messageChannels = ['email', 'sms'] as const
export type MessageChannel = (typeof messageChannels)[number]

/** What the notifier reports of a message. */
export const messageOutcomes = ['deferred', 'expired', 'refused', 'handed_over', 'bounced'] as const
export type MessageOutcomeStatus = (typeof messageOutcomes)[number]

/**
 * From the weakest to the strongest: if two reports of one message contradict each other, the stronger one counts,
 * whichever arrives first. Postgres' enum `message_status` has the same order.
 */
export const messageStatuses = ['suppressed', 'waiting', ...messageOutcomes] as const
export type MessageStatus = (typeof messageStatuses)[number]

/**
 * Why an address cannot receive. unreachable: the mailbox is disabled, or the phone of the number is not reached. expired:
 * its mail host did not take the mail for days. rejected: by a policy, or for the content of the message.
 */
export const bounceReasons = [
  'unknown_address',
  'unknown_domain',
  'unreachable',
  'full',
  'expired',
  'rejected',
  'other',
] as const
export type BounceReason = (typeof bounceReasons)[number]

/**
 * Why a message was suppressed: a quota or a lockout, of the username at the gateway or of the customer; a block of the
 * customer; or the device that was chosen is no longer one of the customer's, or no longer offered (S44).
 */
export const suppressions = [
  'account_limit',
  'customer_limit',
  'account_lockout',
  'customer_lockout',
  'blocked',
  'device_unavailable',
] as const
export type Suppression = (typeof suppressions)[number]

/** Longest answer of a mail server or SMS vendor that is kept, in characters. */
export const longestAnswer = 200
