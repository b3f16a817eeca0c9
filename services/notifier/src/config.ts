import { brand, Key, serviceEnv, Url } from '@rekey/platform/config'
import { type Static, Type } from '@sinclair/typebox'

/** What the notifier reads from its environment. */
export const Env = Type.Object({
  ...serviceEnv,
  SMTP_URL: Url('smtp|smtps', {
    description: 'Mail server: smtp://user:password@host:587 (STARTTLS, which production insists on) or smtps://….',
  }),
  REKEY_MAIL_FROM: Type.String({
    pattern: '^(\\S+@[^\\s@<>]+|[^<>"\\r\\n]*<[^\\s@<>]+@[^\\s@<>]+>)$',
    default: 'Rekey sandbox <no-reply@localhost>',
    description: 'Sender of all mail: Name <address@domain>.',
  }),
  REKEY_BRAND: brand,
  REKEY_SMS_URL: Type.Optional(
    Url('https?', { description: 'SMS vendor: takes POST of {"id","to","text"}. Without it no SMS is sent.' }),
  ),
  REKEY_SMS_TOKEN: Type.Optional(Type.String({ description: 'Bearer token for the SMS vendor.' })),
  REKEY_CODE_SEAL_KEY: Key('Opens confirmation codes, which the gateway sealed.'),
  REKEY_ADDRESS_SEAL_KEY: Key(
    'Opens addresses, temporary passwords and report links, which the password-service sealed.',
  ),
})
export type Config = Static<typeof Env>
