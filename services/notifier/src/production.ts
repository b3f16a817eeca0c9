import { brokerIsFit } from '@rekey/platform/broker-server'
import {
  brokerIsPrivate,
  certificatesAreChecked,
  filesArePrivate,
  keysAreSound,
  type Production,
  type Rule,
  usesHttps,
} from '@rekey/platform/production'
import type { Config } from './config.ts'

/** The port where STARTTLS is spoken (RFC 6409); elsewhere the URL says that nothing goes without it. */
const isSubmission = ({ port, searchParams }: URL) => port === '587' || searchParams.has('requireTLS')

/** Any other sets an option of the driver: no TLS, any certificate, a log with whole messages. */
const isAllowed = ([name, value]: [string, string]) => name === 'requireTLS' && value === 'true'

/** Mail holds codes. Over smtp:// the service itself insists on STARTTLS in production. */
const mailIsEncrypted: Rule<Config> = ({ SMTP_URL }) => {
  if (SMTP_URL === undefined) return []
  const url = new URL(SMTP_URL)
  return [
    ...(url.protocol === 'smtps:' || isSubmission(url)
      ? []
      : ['SMTP_URL is plaintext: smtps://…, smtp://…:587 (STARTTLS), or smtp://…?requireTLS=true.']),
    ...([...url.searchParams].every(isAllowed)
      ? []
      : ['SMTP_URL has a parameter that production does not take: it takes requireTLS=true and no other.']),
  ]
}

/** Whose mail it is must be told by a domain that is theirs. */
const sendsInItsOwnName: Rule<Config> = ({ REKEY_MAIL_FROM }) =>
  REKEY_MAIL_FROM?.replace('>', '').endsWith('@localhost')
    ? ["REKEY_MAIL_FROM is missing, or the sandbox's: mail needs a sender of its own."]
    : []

/** What the notifier insists on. */
export const production: Production<Config> = {
  rules: [
    keysAreSound('REKEY_CODE_SEAL_KEY', 'REKEY_ADDRESS_SEAL_KEY'),
    mailIsEncrypted,
    sendsInItsOwnName,
    usesHttps('REKEY_SMS_URL'),
    certificatesAreChecked,
    filesArePrivate('REKEY_SECRETS_FILE', 'NATS_NKEY_FILE', 'NATS_CREDENTIALS_FILE'),
    brokerIsPrivate,
  ],
  correctness: [brokerIsFit],
}
