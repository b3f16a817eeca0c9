import { type Static, Type } from '@sinclair/typebox'
import { ConfirmationCode, FactorLabel, OneOf, Reason, SerialId, Time, Uuid } from '../fields.ts'
import { PasskeyAttestation, PasskeyCreation } from '../passkeys.ts'
import { scopes } from '../scopes.ts'
import { ApprovalNeeded } from './back-office.ts'
import { successToken } from './passwords.ts'
import { bearer, bearerAndSuccessToken, problems, refuses } from './problem.ts'

/** Kinds of second factors: an authenticator app (RFC 6238), a set of recovery codes, or a passkey (WebAuthn). */
export const factorKinds = ['totp', 'recovery_codes', 'passkey'] as const
export type FactorKind = (typeof factorKinds)[number]

/** A factor in force. */
export const Factor = Type.Object(
  {
    id: Uuid,
    kind: OneOf(factorKinds),
    label: Type.Optional({ ...FactorLabel, description: "The customer's name for it; recovery codes have none." }),
    createdAt: {
      ...Time,
      description: 'When it was confirmed or issued. Whole seconds, UTC: 2022-01-01T00:00:00+00:00.',
    },
    lastUsedAt: Type.Optional({ ...Time, description: 'Absent: not used yet.' }),
    young: Type.Boolean({ description: 'True for REKEY_NEW_ADDRESS_HOURS after createdAt.' }),
    codesLeft: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 10,
        description: 'Number of unused recovery codes; other kinds have none.',
        examples: [10],
      }),
    ),
  },
  {
    examples: [
      {
        id: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
        kind: 'totp',
        label: 'My phone',
        createdAt: '2022-01-01T00:00:00+00:00',
        lastUsedAt: '2022-01-02T00:00:00+00:00',
        young: false,
      },
    ],
  },
)
export type Factor = Static<typeof Factor>

export const FactorList = Type.Object({ total: Type.Integer({ examples: [1] }), data: Type.Array(Factor) })
export type FactorList = Static<typeof FactorList>

const about = {
  tags: ['Second factors'],
  ...bearerAndSuccessToken(scopes.full),
  headers: successToken,
}
const one = { params: Type.Object({ factorId: Uuid }) }
const done = { 204: Type.Null({ description: 'Done; no body.' }), ...problems }

/** C1. */
export const ListFactors = {
  operationId: 'listFactors',
  summary: 'List the second factors of the signed-in customer, the oldest first',
  description:
    'The success token is of businessProcess=changeFactors; it is not spent, and one that was spent will do.',
  ...about,
  ...refuses('success_token_refused'),
  response: { 200: FactorList, ...problems },
}

/** C2. */
export const EnrolTotp = {
  operationId: 'enrolTotp',
  summary: 'Begin to enrol an authenticator app',
  description:
    'Not in force until it is confirmed, within an hour. Ends an enrolment that was not confirmed. The success token is not spent: confirm with the same.',
  ...about,
  ...refuses('success_token_refused'),
  body: Type.Object({ label: FactorLabel }, { examples: [{ label: 'My phone' }] }),
  response: {
    201: Type.Object(
      {
        id: Uuid,
        secret: Type.String({
          description: 'To type into the app: Base32 (RFC 4648 §6). TOTP with SHA-1, 6 digits, 30 s.',
          examples: ['GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'],
        }),
        uri: Type.String({
          description: 'For apps on the same device.',
          examples: ['otpauth://totp/Rekey:b*1%40gmail.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Rekey'],
        }),
        qr: Type.String({
          description: 'The URI as a QR code: an SVG image, black on white.',
          examples: ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 45 45"></svg>'],
        }),
      },
      { description: 'Shown once: no other answer has the secret.' },
    ),
    ...problems,
  },
}
export type EnrolTotpAnswer = Static<(typeof EnrolTotp.response)[201]>

/** C3. */
export const ConfirmTotp = {
  operationId: 'confirmTotp',
  summary: 'Confirm an authenticator app by its code',
  description:
    'From then on it is in force; the code is used up, and the success token is spent. The code may be of a clock that is wrong by up to 150 s. A wrong code spends nothing.',
  ...about,
  ...one,
  ...refuses('invalid_grant', 'success_token_refused'),
  body: Type.Object({ code: ConfirmationCode }, { examples: [{ code: '516538' }] }),
  response: done,
}

/** C4. */
export const RequestPasskeyCreation = {
  operationId: 'requestPasskeyCreation',
  summary: 'Begin to enrol a passkey',
  description: 'Nothing is stored. The success token is not spent: enrol with the same, within ten minutes.',
  ...about,
  ...refuses('success_token_refused'),
  response: { 200: PasskeyCreation, ...problems },
}

/** C4. */
export const EnrolPasskey = {
  operationId: 'enrolPasskey',
  summary: 'Enrol a passkey',
  description:
    'The authenticator must have verified the customer (PIN, fingerprint, face). Spends the success token; a credential that is refused (invalid_grant) spends nothing.',
  ...about,
  ...refuses('invalid_grant', 'success_token_refused'),
  body: Type.Object(
    { label: FactorLabel, credential: PasskeyAttestation },
    {
      examples: [
        {
          label: 'My phone',
          credential: {
            id: 'kO8QnOCjF3yqzyIlCvD2mA',
            rawId: 'kO8QnOCjF3yqzyIlCvD2mA',
            type: 'public-key',
            response: {
              clientDataJSON:
                'eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiQUEiLCJvcmlnaW4iOiJodHRwczovL2JhbmsuZXhhbXBsZSJ9',
              attestationObject: 'o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg',
              transports: ['internal'],
            },
          },
        },
      ],
    },
  ),
  response: { 201: { ...Factor, description: 'It is in force.' }, ...problems },
}

/** C5. */
export const IssueRecoveryCodes = {
  operationId: 'issueRecoveryCodes',
  summary: 'Issue recovery codes, in place of all earlier ones',
  description:
    'Each works once, and takes the place of the authenticator app or passkey, never of the first proof. Spends the success token.',
  ...about,
  ...refuses('success_token_refused'),
  response: {
    201: Type.Object(
      {
        codes: Type.Array(Type.String({ examples: ['7HXK-2M9Q-VW3C-T8ZD'] }), {
          minItems: 10,
          maxItems: 10,
          description: 'Shown once.',
          examples: [Array.from({ length: 10 }, () => '7HXK-2M9Q-VW3C-T8ZD')],
        }),
      },
      { description: 'The new codes.' },
    ),
    ...problems,
  },
}

/** C6. */
export const RemoveFactor = {
  operationId: 'removeFactor',
  summary: 'Remove a second factor',
  description: 'Recovery codes are removed together. Spends the success token.',
  ...about,
  ...one,
  ...refuses('not_found', 'success_token_refused'),
  response: done,
}

const aboutClient = {
  tags: ['Back office'],
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId }),
}

/** C7. */
export const ListClientFactors = {
  operationId: 'listClientFactors',
  summary: "List a customer's second factors, the oldest first",
  ...aboutClient,
  response: { 200: FactorList, ...problems },
}

/** C7. */
export const ResetClientFactors = {
  operationId: 'resetClientFactors',
  summary: 'Remove all second factors of a customer who lost them',
  description:
    'Begins a recovery hold of REKEY_FACTOR_RESET_WAIT_HOURS at least, and notifies every address. Needs a second person with four eyes.',
  ...aboutClient,
  ...refuses('customer_not_verified', 'owner_unknown'),
  querystring: Type.Object({ reason: Type.Optional(Reason) }),
  response: { 202: ApprovalNeeded, 204: Type.Null({ description: 'The customer has none any more.' }), ...problems },
}
