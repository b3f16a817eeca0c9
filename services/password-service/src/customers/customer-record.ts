import { type Address, type CustomerRecord, type FieldError, parseUsername } from '@rekey/contracts'

/** An address that the platform gives a customer. */
export interface GivenIdentifier extends Address {
  verified: boolean
}

/** A customer as the platform gives it, checked and normalised. What is absent stays as it is. */
export interface GivenCustomer {
  code: string
  locale: string | undefined
  timezone: string | undefined
  /** Where given, all there are. */
  identifiers: GivenIdentifier[] | undefined
  hash: string | undefined
}

export type Reading = { customer: GivenCustomer } | { reasons: FieldError[] }

/** Why nothing could be verified against a hash, without computing one. */
type FaultOf = (hash: string) => { code: string; message: string } | undefined

const kept = 1_000

/** The same few words stand on a million lines. What is not valid is not kept: there is no end to it. */
const remember = (read: (text: string) => string | undefined) => {
  const known = new Map<string, string>()
  return (text: string) => {
    const found = known.get(text) ?? read(text)
    if (found !== undefined && known.size < kept) known.set(text, found)
    return found
  }
}

const languages = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' })

/** In the form that BCP 47 recommends; undefined where there is no such language. */
const readLocale = remember((text) => {
  try {
    const locale = new Intl.Locale(text)
    return languages.of(locale.language) && locale.toString()
  } catch {
    return undefined
  }
})

/** As given: which of two names of a zone is the right one changes with the edition of the database. */
const readTimezone = remember((text) => {
  try {
    // An offset such as +01:00 is no zone: it knows no summer time.
    return /^[A-Za-z]/.test(text) && new Intl.DateTimeFormat('en', { timeZone: text }) ? text : undefined
  } catch {
    return undefined
  }
})

const repeated = (identifiers: GivenIdentifier[]): FieldError[] => {
  const seen = new Set<string>()
  return identifiers.flatMap(({ value }, index) => {
    if (seen.has(value)) return [{ field: `identifiers/${index}/value`, code: 'duplicate', message: 'stands twice' }]
    seen.add(value)
    return []
  })
}

/** Checks what the schema of a record cannot say, and normalises. All reasons are told at once, and no values. */
export const createRecordReader =
  ({ faultOf }: { faultOf: FaultOf }) =>
  (record: CustomerRecord): Reading => {
    const locale = record.locale !== undefined ? readLocale(record.locale) : undefined
    const timezone = record.timezone !== undefined ? readTimezone(record.timezone) : undefined
    const identifiers = record.identifiers?.map(({ value, verified }) => ({ ...parseUsername(value), verified }))
    const hash = record.passwordHash
    const fault = hash !== undefined ? faultOf(hash) : undefined
    const reasons: FieldError[] = [
      ...(record.locale !== undefined && !locale
        ? [{ field: 'locale', code: 'unknown_locale', message: 'names no language of BCP 47' }]
        : []),
      ...(record.timezone !== undefined && !timezone
        ? [{ field: 'timezone', code: 'unknown_timezone', message: 'is no time zone of the IANA database' }]
        : []),
      ...repeated(identifiers ?? []),
      ...(fault ? [{ field: 'passwordHash', code: fault.code, message: fault.message }] : []),
    ]
    return reasons.length > 0
      ? { reasons }
      : { customer: { code: record.customer, locale, timezone, identifiers, hash } }
  }
