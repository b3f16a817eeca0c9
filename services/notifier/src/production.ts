import { brokerIsFit } from '@rekey/platform/broker-server'
import {
  brokerIsPrivate,
  certificatesAreChecked,
  hasOwnContact,
  keysAreSound,
  logsErrors,
  type Production,
  type Rule,
  type ServerRule,
  tracesArePrivate,
  usesHttps,
} from '@rekey/platform/production'
import { filesArePrivate, filesAreUnwritable } from '@rekey/platform/production-files'
import { tlsErrors } from '@rekey/platform/tls-settings'
import { readTheme, ThemeError } from '@rekey/texts'
import type { Config } from './config.ts'
import { readLogo } from './messages/logo.ts'

/** True if TLS is required: on the submission port with STARTTLS (RFC 6409), or by the URL. */
const isSubmission = ({ port, searchParams }: URL) => port === '587' || searchParams.has('requireTLS')

/** Other parameters set options of the driver: no TLS, any certificate, a log with whole messages. */
const isAllowed = ([name, value]: [string, string]) => name === 'requireTLS' && value === 'true'

/** Mail contains codes. Over smtp:// the service itself requires STARTTLS in production. */
const mailIsEncrypted: Rule<Config> = ({ SMTP_URL }) => {
  if (SMTP_URL === undefined) return []
  const url = new URL(SMTP_URL)
  return [
    ...(url.protocol === 'smtps:' || isSubmission(url)
      ? []
      : ['SMTP_URL is plaintext: smtps://…, smtp://…:587 (STARTTLS), or smtp://…?requireTLS=true.']),
    ...([...url.searchParams].every(isAllowed)
      ? []
      : ['SMTP_URL has a parameter that production refuses: only requireTLS=true is allowed.']),
  ]
}

/** Requires a sender of the platform's own domain. */
const hasOwnSender: Rule<Config> = ({ REKEY_MAIL_FROM }) =>
  REKEY_MAIL_FROM?.replace('>', '').endsWith('@localhost')
    ? ["REKEY_MAIL_FROM is missing, or the sandbox's: set the platform's own sender."]
    : []

/** Requires a domain that other mail hosts find. */
const bouncesReturn: Rule<Config> = ({ REKEY_BOUNCE_DOMAIN }) =>
  REKEY_BOUNCE_DOMAIN?.includes('.') === false
    ? ["REKEY_BOUNCE_DOMAIN is no domain of the internet: name one of the platform's own, such as bounce.bank.example."]
    : []

/** Requires a theme that can be shown: messages without their texts would mislead customers. */
const themeIsSound: ServerRule<Config> = async ({ REKEY_THEME_DIR }) => {
  try {
    readLogo(readTheme(REKEY_THEME_DIR))
    return []
  } catch (error) {
    if (error instanceof ThemeError) return error.faults.map((fault) => `REKEY_THEME_DIR has a fault: ${fault}`)
    throw error
  }
}

/** Requirements of the notifier. */
export const production: Production<Config> = {
  rules: [
    keysAreSound('REKEY_CODE_SEAL_KEY', 'REKEY_ADDRESS_SEAL_KEY'),
    mailIsEncrypted,
    hasOwnSender,
    bouncesReturn,
    hasOwnContact,
    usesHttps('REKEY_PUBLIC_URL', 'REKEY_SMS_URL'),
    logsErrors,
    certificatesAreChecked,
    tracesArePrivate,
    filesArePrivate(
      'REKEY_SECRETS_FILE',
      'NATS_NKEY_FILE',
      'NATS_CREDENTIALS_FILE',
      'OTEL_EXPORTER_OTLP_CLIENT_KEY',
      'REKEY_TLS_KEY',
    ),
    filesAreUnwritable('NATS_CA_FILE', 'OTEL_EXPORTER_OTLP_CERTIFICATE', 'REKEY_TLS_CERT'),
    tlsErrors,
    brokerIsPrivate,
  ],
  correctness: [brokerIsFit, themeIsSound],
}
