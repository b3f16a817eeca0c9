import { type Address, type CustomerRecord, type FieldError, parseUsername, readMailbox } from '@rekey/contracts'
import { canVerify } from '../factor-secrets/cose-key.ts'
import { canComputeCodes, type Totp, usualPeriodSeconds } from '../factor-secrets/totp.ts'

/** A customer's address, from the platform. */
export interface GivenIdentifier extends Address {
  verified: boolean
}

/** An authenticator app that the customer enrolled with the platform. */
export interface GivenTotp {
  totp: Totp
  periodSeconds: number
  label: string
}

/** A passkey that the customer enrolled with the platform. */
export interface GivenPasskey {
  /** In base64url, like `publicKey`, which is a COSE_Key. */
  credentialId: string
  publicKey: string
  counter: number
  transports: string[]
  backedUp: boolean
  aaguid: string
  label: string
}

/** A customer from the platform, validated and normalised. An upsert leaves undefined fields unchanged. */
export interface GivenCustomer {
  code: string
  locale: string | undefined
  timezone: string | undefined
  /** All addresses of the customer. */
  identifiers: GivenIdentifier[] | undefined
  hash: string | undefined
  /** Stored if the customer is created, like `passkeys`. */
  totps: GivenTotp[]
  passkeys: GivenPasskey[]
}

export type Reading = { customer: GivenCustomer } | { reasons: FieldError[] }

/** Returns why no password can be verified against a hash, without computing one. */
type FindHashError = (hash: string) => { code: string; message: string } | undefined

const mostCached = 1_000

/** Caches valid texts: a million records contain few different ones. Invalid ones are unbounded, so they are not cached. */
const cached = (read: (text: string) => string | undefined) => {
  const cache = new Map<string, string>()
  return (text: string) => {
    const found = cache.get(text) ?? read(text)
    if (found !== undefined && cache.size < mostCached) cache.set(text, found)
    return found
  }
}

const languages = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' })

/** Returns the canonical form of BCP 47; undefined if there is no such language. */
const readLocale = cached((text) => {
  try {
    const locale = new Intl.Locale(text)
    return languages.of(locale.language) && locale.toString()
  } catch {
    return undefined
  }
})

/** Keeps the given name: which of a zone's names is canonical depends on the edition of the IANA database. */
const readTimezone = cached((text) => {
  try {
    // An offset such as +01:00 is refused: it has no summer time.
    return /^[A-Za-z]/.test(text) && new Intl.DateTimeFormat('en', { timeZone: text }) ? text : undefined
  } catch {
    return undefined
  }
})

const duplicate = { code: 'duplicate', message: 'is given more than once' }

const findDuplicates = (identifiers: GivenIdentifier[]): FieldError[] => {
  const values = new Set<string>()
  return identifiers.flatMap(({ value }, index) => {
    if (values.has(value)) return [{ field: `identifiers/${index}/value`, ...duplicate }]
    values.add(value)
    return []
  })
}

const findUndeliverable = (identifiers: GivenIdentifier[], smtpUtf8: boolean): FieldError[] =>
  identifiers.flatMap(({ kind, value }, index) => {
    if (kind === 'phone') return []
    const field = `identifiers/${index}/value`
    const read = readMailbox(value)
    if ('error' in read) return [{ field, ...read.error }]
    if (!read.mailbox.needsSmtpUtf8 || smtpUtf8) return []
    const message = 'has a part before the @ that is not ASCII, which the mail server does not take (REKEY_SMTPUTF8)'
    return [{ field, code: 'smtputf8_required', message }]
  })

const readTotps = ({ totps = [] }: CustomerRecord): GivenTotp[] =>
  totps.map(({ secret, algorithm = 'sha1', digits = 6, periodSeconds = usualPeriodSeconds, label }) => ({
    totp: { secret: secret.toUpperCase().replace(/=+$/, ''), algorithm, digits: digits as Totp['digits'] },
    periodSeconds,
    label: label?.trim() ?? 'Authenticator app',
  }))

const unknownAaguid = '00000000-0000-0000-0000-000000000000'

const readPasskeys = ({ passkeys = [] }: CustomerRecord): GivenPasskey[] =>
  passkeys.map(
    ({ credentialId, publicKey, counter = 0, transports = [], backedUp = false, aaguid = unknownAaguid, label }) => ({
      credentialId,
      publicKey,
      counter,
      transports,
      backedUp,
      aaguid,
      label: label?.trim() ?? 'Passkey',
    }),
  )

const findUnsealable = (field: string, factors: unknown[], canSeal: boolean): FieldError[] => {
  if (factors.length === 0 || canSeal) return []
  const message = "cannot be sealed without REKEY_FACTOR_SEAL_KEY, from the password-service's file of secrets"
  return [{ field, code: 'no_factor_key', message }]
}

const findPasskeyErrors = (passkeys: GivenPasskey[]): FieldError[] =>
  passkeys.flatMap(({ credentialId, publicKey }, index) => {
    const isRepeated = passkeys.findIndex((other) => other.credentialId === credentialId) < index
    if (isRepeated) return [{ field: `passkeys/${index}/credentialId`, ...duplicate }]
    if (canVerify(publicKey)) return []
    const message = 'is not the COSE_Key of an EdDSA (Ed25519), ES256 or RS256 key'
    return [{ field: `passkeys/${index}/publicKey`, code: 'unusable_key', message }]
  })

const findTotpErrors = (totps: GivenTotp[]): FieldError[] => {
  const secrets = new Set<string>()
  return totps.flatMap(({ totp }, index) => {
    const field = `totps/${index}/secret`
    if (!canComputeCodes(totp)) return [{ field, code: 'malformed', message: 'is not Base32' }]
    if (secrets.has(totp.secret)) return [{ field, ...duplicate }]
    secrets.add(totp.secret)
    return []
  })
}

interface Deps {
  findHashError: FindHashError
  /** False: without the key of factors, second factors are refused. */
  canSealFactors: boolean
  /** True if the mail server offers SMTPUTF8 (RFC 6531). */
  smtpUtf8: boolean
}

/** Normalises a record and checks what its schema cannot. It returns all reasons to refuse it, and no values. */
export const createRecordReader =
  ({ findHashError, canSealFactors, smtpUtf8 }: Deps) =>
  (record: CustomerRecord): Reading => {
    const locale = record.locale !== undefined ? readLocale(record.locale) : undefined
    const timezone = record.timezone !== undefined ? readTimezone(record.timezone) : undefined
    const identifiers = record.identifiers?.map(({ value, verified }) => ({ ...parseUsername(value), verified }))
    const hash = record.passwordHash
    const totps = readTotps(record)
    const passkeys = readPasskeys(record)
    const unusable = hash !== undefined ? findHashError(hash) : undefined
    const reasons: FieldError[] = [
      ...(record.locale !== undefined && !locale
        ? [{ field: 'locale', code: 'unknown_locale', message: 'is not a language of BCP 47' }]
        : []),
      ...(record.timezone !== undefined && !timezone
        ? [{ field: 'timezone', code: 'unknown_timezone', message: 'is not a time zone of the IANA database' }]
        : []),
      ...findDuplicates(identifiers ?? []),
      ...findUndeliverable(identifiers ?? [], smtpUtf8),
      ...(unusable ? [{ field: 'passwordHash', code: unusable.code, message: unusable.message }] : []),
      ...findUnsealable('totps', totps, canSealFactors),
      ...findUnsealable('passkeys', passkeys, canSealFactors),
      ...findTotpErrors(totps),
      ...findPasskeyErrors(passkeys),
    ]
    return reasons.length > 0
      ? { reasons }
      : { customer: { code: record.customer, locale, timezone, identifiers, hash, totps, passkeys } }
  }
