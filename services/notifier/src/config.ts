import type { BounceReason } from '@rekey/contracts'
import { Key, presentationEnv, publicUrl, serviceEnv, Url } from '@rekey/platform/config'
import { type Static, Type } from '@sinclair/typebox'

const Codes = (options: { default: string; description: string }) =>
  Type.String({ pattern: '^[\\w.:-]+(,[\\w.:-]+)*$', maxLength: 1_000, ...options })

/** Variables of the notifier. */
export const Env = Type.Object({
  ...serviceEnv,
  SMTP_URL: Url('smtp|smtps', {
    description: 'Mail server: smtp://user:password@host:587 (STARTTLS, which production requires) or smtps://….',
  }),
  REKEY_MAIL_FROM: Type.String({
    pattern: '^(\\S+@[^\\s@<>]+|[^<>"\\r\\n]*<[^\\s@<>]+@[^\\s@<>]+>)$',
    default: 'Rekey sandbox <no-reply@localhost>',
    description: 'Sender of all mail: Name <address@domain>.',
  }),
  REKEY_SMTP_EHLO: Type.Optional(
    Type.String({
      pattern: '^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.?)+$|^\\[[0-9A-Fa-f.:IPv]+\\]$',
      maxLength: 253,
      description:
        'Name of the notifier in EHLO: a host name that resolves to it, or an address in brackets. Not set: the domain of REKEY_MAIL_FROM.',
    }),
  ),
  REKEY_BOUNCE_DOMAIN: Type.Optional(
    Type.String({
      pattern: '^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$',
      maxLength: 190,
      description:
        'Domain of the envelope senders, whose mail reaches REKEY_BOUNCE_PORT: mail that bounces is counted. Not set: off.',
    }),
  ),
  REKEY_BOUNCE_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 2525,
    description: 'Port that receives delivery status notifications by SMTP, if REKEY_BOUNCE_DOMAIN is set.',
  }),
  REKEY_CODE_CONNECTIONS: Type.Integer({
    minimum: 1,
    maximum: 500,
    default: 16,
    description:
      'Most connections of one instance to the mail server, and to the SMS vendor, for codes and temporary passwords.',
  }),
  REKEY_NOTIFICATION_CONNECTIONS: Type.Integer({
    minimum: 1,
    maximum: 500,
    default: 8,
    description: 'The same for notifications.',
  }),
  ...presentationEnv,
  REKEY_PUBLIC_URL: publicUrl,
  REKEY_SMS_URL: Type.Optional(
    Url('https?', { description: 'SMS vendor: accepts POST of {"id","to","text"}. Not set: no SMS is sent.' }),
  ),
  REKEY_SMS_TOKEN: Type.Optional(Type.String({ description: 'Bearer token for the SMS vendor.' })),
  REKEY_SMS_UNKNOWN_CODES: Codes({
    default: 'unknown_number,invalid_number',
    description: "SMS vendor's codes of errors that say that a number does not exist, comma-separated.",
  }),
  REKEY_SMS_UNREACHABLE_CODES: Codes({
    default: 'unreachable_number',
    description: 'The same of a number that takes no SMS, such as a landline.',
  }),
  REKEY_CODE_SEAL_KEY: Key('Decrypts confirmation codes of the gateway.'),
  REKEY_ADDRESS_SEAL_KEY: Key('Decrypts addresses, temporary passwords and report links of the password-service.'),
})
export type Config = Static<typeof Env>

/** The SMS vendor's codes of a number that cannot receive. */
export const smsBounceCodes = (
  config: Pick<Config, 'REKEY_SMS_UNKNOWN_CODES' | 'REKEY_SMS_UNREACHABLE_CODES'>,
): Map<string, BounceReason> =>
  new Map([
    ...config.REKEY_SMS_UNKNOWN_CODES.split(',').map((code) => [code, 'unknown_address'] as const),
    ...config.REKEY_SMS_UNREACHABLE_CODES.split(',').map((code) => [code, 'unreachable'] as const),
  ])
