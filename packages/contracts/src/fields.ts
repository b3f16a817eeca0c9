import { type SchemaOptions, type Static, Type } from '@sinclair/typebox'
import { reads } from './reader.ts'

/** A string `enum`, so that the error can list the allowed values (TypeBox would emit `anyOf`). */
export const OneOf = <const T extends string>(values: readonly T[], options: SchemaOptions = {}) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...options })

// Fields that several contracts use. Patterns are ECMAScript with the `u` flag.

export const State = Type.String({
  pattern: '^[\\x20-\\x7E]{1,512}$',
  description: "The client's session id, echoed (RFC 6749 Appendix A.5: printable ASCII).",
})

export const ClientId = Type.String({
  pattern: '^[\\x20-\\x7E]{1,128}$',
  description: 'Client identifier issued to the client.',
})

/** For a confidential client; it may authenticate by HTTP Basic instead (RFC 6749 §2.3.1). */
export const ClientSecret = Type.String({
  maxLength: 512,
  description: 'Secret of a confidential client, unless it authenticates by HTTP Basic.',
})

export const RedirectUri = Type.String({
  pattern: '^[\\x21-\\x7E]{1,2000}$',
  description:
    'Compared character by character with the registered ones (RFC 9700 §2.1); an empty path equals "/" (RFC 3986 §6.2.3).',
})

export const Scope = Type.String({
  pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]+( [\\x21\\x23-\\x5B\\x5D-\\x7E]+)*$',
  maxLength: 512,
  description: 'Scope of access, space-separated (RFC 6749 §3.3).',
})

/** What the answer to a request contains. */
export const responseTypes = ['access_token', 'code', 'sign_token'] as const

/** Not an enum: an unknown value must be answered `unsupported_response_type`, not `invalid_request`. */
export const ResponseType = Type.String({
  maxLength: 64,
  description: `One of ${responseTypes.join(', ')}.`,
})

export const SourceSystem = OneOf(['IB'], { description: 'Source system.' })

export const ClientTimezone = Type.String({
  ...reads('offset'),
  pattern: '^[+-]?\\d{1,2}([:.]?\\d{1,2})?$',
  description: 'Offset to GMT in hours, such as "-3".',
})

export const ClaimedIp = Type.Unsafe<string>({
  type: 'string',
  ...reads('ip'),
  maxLength: 45,
  anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }],
  description:
    'Client-asserted IP: the address that the caller states for its user. Rate limits count it only for an authenticated confidential client.',
})

/** A field of a published contract without a meaning at this endpoint: any value of it is accepted. */
export const Ignored = (description: string) =>
  Type.Optional(Type.Unsafe<string>({ description: `${description} Ignored.` }))

const notInAddress = '\\s@\\p{C}"<>(),;:\\\\'

/** No part can match in two ways and the length is checked first, so that no input makes the match slow (ReDoS). */
const email = `[^${notInAddress}]+@[^.${notInAddress}]+(\\.[^.${notInAddress}]+)+`
const phone = '\\+[1-9]\\d{6,14}'

/** In a query, where a "+" that was not percent-encoded arrives as a space. */
export const EmailInQuery = Type.String({
  ...reads('usernameInQuery'),
  maxLength: 254,
  pattern: `^(?=.{1,254}$)${email}$`,
  description: 'E-mail address.',
})

export const PhoneInQuery = Type.String({
  ...reads('usernameInQuery'),
  pattern: `^${phone}$`,
  description: 'Phone number with "+" or "00" and country code. Spaces and punctuation are ignored.',
})

export const Username = Type.String({
  ...reads('username'),
  maxLength: 254,
  pattern: `^(?=.{1,254}$)(${phone}|${email})$`,
  description:
    'E-mail address, or phone number with "+" or "00" and country code. Case, surrounding and invisible characters, and ' +
    'the spaces and punctuation of a phone number are ignored; the pattern is of the form that is compared.',
})

/** Only what no password can be. The policy checks length and content and answers 422. */
export const Password = Type.String({
  minLength: 1,
  pattern: '^\\P{Cs}*$',
  description:
    'Any Unicode text. Lone surrogates are refused: they have no UTF-8 form, so different passwords would have equal hashes.',
})

export const CompactToken = Type.String({ pattern: '^[\\x21-\\x7E]+$', maxLength: 4096 })

/** Digits as text or as an integer. Either may have lost leading zeros. */
export const ConfirmationCode = Type.Unsafe<string | number>({
  type: ['string', 'integer'],
  ...reads('code'),
  pattern: '^\\d{1,12}$',
  minimum: 0,
  maximum: 999_999_999_999,
  description:
    'Confirmation code from the message: 6 to 12 digits. Spaces, dashes and lost leading zeros are ignored; digits may be of any script.',
})

/** Largest value of Postgres' `integer`. */
const largestInteger = 2_147_483_647

/** Raising the epoch ends every session that began at a lower one. */
export const SessionEpoch = Type.Integer({
  minimum: 0,
  maximum: largestInteger,
  description:
    'Session epoch: rises each time all sessions of the customer end. A session that began at a lower epoch has ended.',
})

export const SerialId = Type.Integer({ minimum: 1, maximum: largestInteger })

/** Shown to other members of staff only: neither events nor logs contain it. */
export const Reason = Type.String({
  pattern: '^(?=.*\\S)\\P{C}{1,500}$',
  description: 'Reason of the back office: 1 to 500 characters on one line.',
})

export const Time = Type.String({ description: 'Whole seconds, UTC: 2022-01-01T00:00:00+00:00.' })

export const Uuid = Type.String({ format: 'uuid' })

/** Compact JWE (RFC 7516, `dir` + A256GCM) that only the named service can decrypt. */
export const Sealed = (reader: string) =>
  Type.String({ description: `Compact JWE that only the ${reader} can decrypt.` })

/** What a challenge, and the grant that it yields, permits. */
export const Purpose = OneOf(['restore', 'change', 'login'])
export type Purpose = Static<typeof Purpose>
