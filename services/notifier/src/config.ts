import { Key, presentationEnv, publicUrl, serviceEnv, Url } from '@rekey/platform/config'
import { type Static, Type } from '@sinclair/typebox'

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
  REKEY_CODE_SEAL_KEY: Key('Decrypts confirmation codes of the gateway.'),
  REKEY_ADDRESS_SEAL_KEY: Key('Decrypts addresses, temporary passwords and report links of the password-service.'),
})
export type Config = Static<typeof Env>
