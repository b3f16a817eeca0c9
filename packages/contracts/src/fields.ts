import { type SchemaOptions, type Static, Type } from '@sinclair/typebox'

/** One of a few words, as `enum`, so that a refusal can list them. */
export const OneOf = <const T extends string>(values: readonly T[], options: SchemaOptions = {}) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...options })

/** Fields that more than one contract uses. Patterns are ECMAScript with the `u` flag. */

export const State = Type.String({
  pattern: '^[\\x20-\\x7E]{1,512}$',
  description: "The client's session id, echoed (RFC 6749 Appendix A.5: printable ASCII).",
})

export const ClientId = Type.String({
  pattern: '^[\\x20-\\x7E]{1,128}$',
  description: 'Client identifier issued to the client.',
})

export const RedirectUri = Type.String({
  pattern: '^[\\x21-\\x7E]{1,2000}$',
  description: 'Compared character by character with the registered ones (RFC 9700 §2.1).',
})

export const Scope = Type.String({
  pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]+( [\\x21\\x23-\\x5B\\x5D-\\x7E]+)*$',
  maxLength: 512,
  description: 'Scope of access, space-separated (RFC 6749 §3.3).',
})

/** How a request wants its answer. */
export const responseTypes = ['access_token', 'code', 'sign_token'] as const

/** A plain string here: an unknown value must answer `unsupported_response_type`, not `invalid_request`. */
export const ResponseType = Type.String({
  maxLength: 64,
  description: `One of ${responseTypes.join(', ')}.`,
})

export const SourceSystem = OneOf(['IB'], { description: 'Source system.' })

export const ClientTimezone = Type.String({
  pattern: '^[+-]?\\d{1,2}([:.]?\\d{1,2})?$',
  description: 'Offset to GMT in hours, such as "-3".',
})

export const ClaimedIp = Type.Unsafe<string>({
  type: 'string',
  maxLength: 45,
  anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }],
  description:
    'Address the caller claims for its user: recorded as claimed. Limits count by it only where a confidential client proves itself.',
})

const notInAddress = '\\s@\\p{C}"<>(),;:\\\\'

/** No part can match in two ways, and the length is looked at first: a hostile text costs no more than a good one. */
const email = `[^${notInAddress}]+@[^.${notInAddress}]+(\\.[^.${notInAddress}]+)+`
const phone = '\\+[1-9]\\d{6,14}'

export const Email = Type.String({ maxLength: 254, pattern: `^(?=.{1,254}$)${email}$`, description: 'E-mail address.' })

export const Username = Type.String({
  maxLength: 254,
  pattern: `^(?=.{1,254}$)(${phone}|${email})$`,
  description: 'E-mail address, or phone number with "+" and country code.',
})

/** Length and content are the policy's business (422); here only what no password can be. */
export const Password = Type.String({
  minLength: 1,
  pattern: '^\\P{Cs}*$',
  description: 'Any Unicode text. Lone surrogates are refused: they have no UTF-8 form and would hash alike.',
})

export const CompactToken = Type.String({ pattern: '^[\\x21-\\x7E]+$', maxLength: 4096 })

/** Digits as a string, or as an integer that lost its leading zeros. */
export const ConfirmationCode = Type.Unsafe<string | number>({
  type: ['string', 'integer'],
  pattern: '^\\d{1,12}$',
  minimum: 0,
  maximum: 999_999_999_999,
  description: 'The confirmation code of the message: 6 to 12 digits.',
})

/** Of what Postgres' `integer` holds. */
const largestInteger = 2_147_483_647

/** How often a customer's sessions have been ended all at once: whatever was signed in at a lower number is over. */
export const SessionEpoch = Type.Integer({
  minimum: 0,
  maximum: largestInteger,
  description: "How often the customer's sessions were ended at once; a session begun at a lower number is over.",
})

/** A serial number in a path or a rpc. */
export const SerialId = Type.Integer({ minimum: 1, maximum: largestInteger })

export const Time = Type.String({ description: 'Whole seconds, UTC: 2022-01-01T00:00:00+00:00.' })

export const Uuid = Type.String({ format: 'uuid' })

/** Compact JWE (RFC 7516, `dir` + A256GCM) that only the named reader can open. */
export const Sealed = (reader: string) => Type.String({ description: `Compact JWE that only the ${reader} can open.` })

/** What a challenge, and the grant that comes out of it, is for. */
export const Purpose = OneOf(['restore', 'change', 'login'])
export type Purpose = Static<typeof Purpose>
