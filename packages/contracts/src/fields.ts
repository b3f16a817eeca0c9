import { type SchemaOptions, type Static, Type } from '@sinclair/typebox'
import type { ErrorCode } from './errors.ts'
import { reads } from './reader.ts'

/** A string `enum`, so that the error can list the allowed values (TypeBox would emit `anyOf`). */
export const OneOf = <const T extends string>(values: readonly T[], options: SchemaOptions = {}) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...options })

/** Where a value that is not allowed has an error code of its own (RFC 6749 §5.2), if it is all that is wrong. */
const refusedAs = (code: ErrorCode) => ({ 'x-refused-as': code })

/** Refuses lone surrogates, which a pattern can do in few languages. */
const wellFormed = { 'x-well-formed': true }

// Fields that several contracts use. Patterns are ECMAScript with the `u` flag, and mean the same in other languages: no
// `\d`, `\p{…}` or lookahead, so that clients and test tools can use them.

export const State = Type.String({
  pattern: '^[\\x20-\\x7E]{1,512}$',
  description: "The client's session id, echoed (RFC 6749 Appendix A.5: printable ASCII).",
  examples: ['5e982a097260d146803b5da13b1a19c2'],
})

export const ClientId = Type.String({
  pattern: '^[\\x20-\\x7E]{1,128}$',
  description: 'Client identifier issued to the client.',
  examples: ['ib_localhost'],
})

/** For a confidential client; it may authenticate by HTTP Basic instead (RFC 6749 §2.3.1). */
export const ClientSecret = Type.String({
  maxLength: 512,
  description: 'Secret of a confidential client, unless it authenticates by HTTP Basic.',
  examples: ['secretkey'],
})

export const RedirectUri = Type.String({
  pattern: '^[\\x21-\\x7E]{1,2000}$',
  description:
    'Compared character by character with the registered ones (RFC 9700 §2.1); an empty path equals "/" (RFC 3986 §6.2.3).',
  examples: ['http://localhost'],
})

export const Scope = Type.String({
  ...refusedAs('invalid_scope'),
  pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]+( [\\x21\\x23-\\x5B\\x5D-\\x7E]+)*$',
  maxLength: 512,
  description: 'Scope of access, space-separated (RFC 6749 §3.3).',
  examples: ['CUSTOMER:PASSWORD:RESTORE'],
})

/** What the answer to a request contains. */
export const responseTypes = ['access_token', 'code', 'sign_token'] as const

export const ResponseType = OneOf(responseTypes, {
  ...refusedAs('unsupported_response_type'),
  description: 'Kind of token or code that the answer has.',
})

/** Grant types of A5; `code` is the vendor's older name of `authorization_code`. */
export const grantTypes = [
  'mfa_oob',
  'mfa_otp',
  'mfa_recovery_code',
  'mfa_webauthn',
  'authorization_code',
  'code',
  'refresh_token',
  'client_credentials',
] as const

/** Grant types of a proof: the code of a message, of an authenticator app (RFC 6238), a recovery code, or a passkey. */
export const proofGrantTypes = ['mfa_oob', 'mfa_otp', 'mfa_recovery_code', 'mfa_webauthn'] as const
export type ProofGrantType = (typeof proofGrantTypes)[number]

export const GrantType = OneOf(grantTypes, {
  ...refusedAs('unsupported_grant_type'),
  description: 'Grant type (RFC 6749 §1.3).',
})

export const SourceSystem = OneOf(['IB'], { description: 'Source system.' })

export const ClientTimezone = Type.String({
  ...reads('offset'),
  pattern: '^[+-]?[0-9]{1,2}([:.]?[0-9]{1,2})?$',
  description: 'Offset to GMT in hours, such as "-3".',
  examples: ['-3'],
})

export const ClaimedIp = Type.Unsafe<string>({
  type: 'string',
  ...reads('ip'),
  maxLength: 45,
  anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }],
  description:
    'Client-asserted IP: the address that the caller states for its user. Rate limits count it only for an authenticated confidential client.',
  examples: ['::1'],
})

/** A field of a published contract without a meaning at this endpoint: any value of it is accepted. */
export const Ignored = (description: string) =>
  Type.Optional(Type.Unsafe<string>({ description: `${description} Ignored.` }))

/** E.164 with "+" (ITU-T E.164 §6.2.1). */
const phone = '^\\+[1-9][0-9]{6,14}$'

/** In a query, where a "+" that was not percent-encoded arrives as a space. */
export const EmailInQuery = Type.String({
  ...reads('usernameInQuery'),
  maxLength: 254,
  format: 'idn-email',
  description: 'Email address.',
  examples: ['bpmtestusr1@gmail.com'],
})

export const PhoneInQuery = Type.String({
  ...reads('usernameInQuery'),
  pattern: phone,
  description: 'Phone number with "+" or "00" and country code. Spaces and punctuation are ignored.',
  examples: ['+447700900001'],
})

export const Username = Type.String({
  ...reads('username'),
  maxLength: 254,
  anyOf: [{ format: 'idn-email' }, { pattern: phone }],
  description:
    'Email address, or phone number with "+" or "00" and country code. Case, surrounding and invisible characters, and ' +
    'the spaces and punctuation of a phone number are ignored; format and pattern are of the form that is compared.',
  examples: ['bpmtestusr1@gmail.com'],
})

/** Only what no password can be. The policy checks length and content and answers 422. */
export const Password = Type.String({
  minLength: 1,
  ...wellFormed,
  description:
    'Any Unicode text. Lone surrogates are refused: they have no UTF-8 form, so different passwords would have equal hashes.',
  examples: ['Qwerty123'],
})

export const CompactToken = Type.String({
  pattern: '^[\\x21-\\x7E]+$',
  maxLength: 4096,
  examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MjY5NDAzMjl9.e5FnOS_80'],
})

/** Digits as text or as an integer. Either may have lost leading zeros. */
export const ConfirmationCode = Type.Unsafe<string | number>({
  type: ['string', 'integer'],
  ...reads('code'),
  pattern: '^[0-9]{1,12}$',
  minimum: 0,
  maximum: 999_999_999_999,
  description:
    'Confirmation code from the message: 6 to 12 digits. Spaces, dashes and lost leading zeros are ignored; digits may be of any script.',
  examples: ['516538'],
})

/** The code of a message or an authenticator app, or a recovery code. */
export const ProofCode = Type.Unsafe<string | number>({
  type: ['string', 'integer'],
  ...reads('proofCode'),
  pattern: '^([0-9]{1,12}|[0-9A-Za-z]{13,64})$',
  minimum: 0,
  maximum: 999_999_999_999,
  description:
    'Confirmation code from the message or the authenticator app: digits; or a recovery code. Spaces and dashes are ignored, and of a code of digits lost leading zeros; digits may be of any script.',
  examples: ['516538'],
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

export const SerialId = Type.Integer({ minimum: 1, maximum: largestInteger, examples: [1] })

/**
 * Characters that a line of text cannot have, as they stand in a pattern's class: controls, format characters such as
 * bidirectional overrides, and separators of lines (Unicode categories Cc, Cf, Zl, Zp; those below U+10000). Written
 * out, because not every language has classes such as `\p{Cf}`.
 */
export const notInLine =
  '\\x00-\\x1F\\x7F-\\x9F\\xAD\\u0600-\\u0605\\u061C\\u06DD\\u070F\\u0890\\u0891\\u08E2\\u180E\\u200B-\\u200F\\u2028-\\u202E' +
  '\\u2060-\\u2064\\u2066-\\u206F\\uFEFF\\uFFF9-\\uFFFB'

/** Shown to other members of staff only: neither events nor logs contain it. */
export const Reason = Type.String({
  ...wellFormed,
  maxLength: 500,
  pattern: `^ *[^\\s${notInLine}][^${notInLine}]*$`,
  description: 'Reason of the back office: 1 to 500 characters on one line.',
  examples: ['The customer lost the phone.'],
})

/** Name of a device at which codes arrive, as the answers of A4 list them. */
export const Device = Type.String({
  ...wellFormed,
  pattern: `^[^${notInLine}]+$`,
  maxLength: 300,
  description:
    "One of the values of challenge_type that the answer offered: a device, to which a code is sent, otp or recovery_code; in a restore also unavailable. To send a restore's code again: the device in its mfa_token's amr.",
  examples: ['oob:email:b*1@gmail.com'],
})

export const Time = Type.String({
  description: 'Whole seconds, UTC: 2022-01-01T00:00:00+00:00.',
  examples: ['2022-01-01T00:00:00+00:00'],
})

export const Uuid = Type.String({ format: 'uuid', examples: ['0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6'] })

/** Compact JWE (RFC 7516, `dir` + A256GCM) that only the named service can decrypt. */
export const Sealed = (reader: string) =>
  Type.String({
    description: `Compact JWE that only the ${reader} can decrypt.`,
    examples: ['eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..Zm9yIG9uZSBzZXJ2aWNl.c2VhbGVk.dGFn'],
  })

/** The use of a code that its purpose does not name: a change of the customer's second factors. */
export const Process = OneOf(['changeFactors'])
export type Process = Static<typeof Process>

/** What a challenge, and the grant that it yields, permits. */
export const Purpose = OneOf(['restore', 'change', 'login'])
export type Purpose = Static<typeof Purpose>

/** Most authenticator apps of one customer. */
export const mostTotps = 5

/** Most passkeys of one customer. */
export const mostPasskeys = 10

export const FactorLabel = Type.String({
  ...wellFormed,
  pattern: `^ *[^\\s${notInLine}][^${notInLine}]*$`,
  maxLength: 64,
  description: "The customer's name for the device: 1 to 64 characters on one line.",
  examples: ['My phone'],
})
