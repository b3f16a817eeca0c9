import { readFileSync, statSync } from 'node:fs'
import { filesArePrivate } from '@rekey/platform/production-files'
import { type Check, type Finding, fromErrors, ok, warn } from '../finding.ts'
import type { Subject } from '../subjects.ts'

/** Files of secrets, by their variable. */
const secretFiles = [
  'REKEY_SECRETS_FILE',
  'REKEY_SIGNING_KEYS_FILE',
  'NATS_NKEY_FILE',
  'NATS_CREDENTIALS_FILE',
  'REKEY_TLS_KEY',
  'REKEY_TLS_CLIENT_KEY',
] as const

const dayMs = 86_400_000
/** docs/operations.md recommends a rotation each month. */
const mostSigningKeyDays = 100
/** NIST SP 800-57 Part 1 §5.3.6: one to two years for keys of this kind. */
const mostSecretDays = 400

const daysSince = (ms: number) => Math.floor((Date.now() - ms) / dayMs)

/** When the key that signs now began to sign; the file's age for a key without that time. Undefined: it cannot be read. */
const signingSince = (path: string): number | undefined => {
  try {
    const { keys } = JSON.parse(readFileSync(path, 'utf8')) as { keys: { sign_from?: number }[] }
    const started = keys.map(({ sign_from: from = 0 }) => from * 1_000).filter((from) => from <= Date.now())
    return Math.max(...started) || statSync(path).mtimeMs
  } catch {
    // The check of the configuration reports it.
    return undefined
  }
}

const ageOf = (variable: string, days: number, most: number, todo: string): Finding =>
  days > most
    ? warn(`${variable}: ${days} days old, more than ${most}`, todo)
    : ok(`${variable}: ${days === 0 ? 'less than a day' : `${days} days`} old`)

const changedAt = (path: string): number | undefined => {
  try {
    return statSync(path).mtimeMs
  } catch {
    return undefined
  }
}

const ages = (config: Partial<Record<(typeof secretFiles)[number], string>>): Finding[] => {
  const { REKEY_SIGNING_KEYS_FILE: signingKeys, REKEY_SECRETS_FILE: secrets } = config
  const [signs, changed] = [signingKeys && signingSince(signingKeys), secrets && changedAt(secrets)]
  return [
    ...(signs
      ? [ageOf('REKEY_SIGNING_KEYS_FILE', daysSince(signs), mostSigningKeyDays, 'npm run keys -- rotate DIR')]
      : []),
    ...(changed
      ? [
          ageOf(
            'REKEY_SECRETS_FILE',
            daysSince(changed),
            mostSecretDays,
            'replace the keys: docs/operations.md, "Secret keys"',
          ),
        ]
      : []),
  ]
}

/** Modes and ages of the files of secrets. In production the configuration's rules refuse open files. */
export const keyChecks = ({ service, config, isProduction }: Subject): Check[] => {
  const files = config as Partial<Record<(typeof secretFiles)[number], string>>
  const found = ages(files)
  return [
    ...(isProduction
      ? []
      : [
          {
            name: 'file modes',
            service,
            run: () => fromErrors(filesArePrivate(...secretFiles)(files), 'no other account can access them', 'warn'),
          },
        ]),
    ...(found.length > 0 ? [{ name: 'key ages', service, run: () => found }] : []),
  ]
}
