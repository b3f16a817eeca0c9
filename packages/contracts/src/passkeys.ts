import { type Static, Type } from '@sinclair/typebox'
import { FactorLabel, OneOf } from './fields.ts'

// The JSON forms of WebAuthn Level 3 §5.1.8 to §5.1.11: browsers make and take them (`toJSON`, `parseRequestOptionsFromJSON`).

const Base64Url = (maxLength: number, description: string, example: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength, description, examples: [example] })

/** 1,023 bytes at most (WebAuthn L3 §4). */
const CredentialId = Base64Url(1_364, 'Credential id.', 'kO8QnOCjF3yqzyIlCvD2mA')
const ClientData = Base64Url(
  4_096,
  'CollectedClientData: type, challenge and origin.',
  'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUEiLCJvcmlnaW4iOiJodHRwczovL2JhbmsuZXhhbXBsZSJ9',
)
const PublicKeyType = Type.Literal('public-key')
const Transports = Type.Array(Type.String({ pattern: '^[a-z-]{1,32}$', examples: ['internal'] }), {
  maxItems: 16,
  description: 'How the browser reaches the authenticator; unknown ones are kept.',
})

const credential = { id: CredentialId, rawId: CredentialId, type: PublicKeyType }

const assertionExample = {
  id: 'kO8QnOCjF3yqzyIlCvD2mA',
  rawId: 'kO8QnOCjF3yqzyIlCvD2mA',
  type: 'public-key' as const,
  response: {
    clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUEiLCJvcmlnaW4iOiJodHRwczovL2JhbmsuZXhhbXBsZSJ9',
    authenticatorData: 'SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ',
    signature: 'MEUCIQDl3bX0tKzq',
  },
}

/** AuthenticationResponseJSON: the answer to {@link PasskeyRequest}. Further fields are ignored. */
export const PasskeyAssertion = Type.Object(
  {
    ...credential,
    response: Type.Object({
      clientDataJSON: ClientData,
      authenticatorData: Base64Url(
        4_096,
        'Flags and counter of the authenticator.',
        'SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ',
      ),
      signature: Base64Url(2_048, 'Signature of both.', 'MEUCIQDl3bX0tKzq'),
      userHandle: Type.Optional(Base64Url(86, 'User handle of a discoverable credential.', 'rT2hT0hHaKjY')),
    }),
  },
  {
    description: 'AuthenticationResponseJSON (WebAuthn L3 §5.1): what PublicKeyCredential.toJSON() returns.',
    examples: [assertionExample],
  },
)
export type PasskeyAssertion = Static<typeof PasskeyAssertion>

/** RegistrationResponseJSON: the answer to {@link PasskeyCreation}. Further fields are ignored. */
export const PasskeyAttestation = Type.Object(
  {
    ...credential,
    response: Type.Object({
      clientDataJSON: ClientData,
      attestationObject: Base64Url(
        10_000,
        'Credential and public key (CBOR).',
        'o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg',
      ),
      transports: Type.Optional(Transports),
    }),
  },
  { description: 'RegistrationResponseJSON (WebAuthn L3 §5.1): what PublicKeyCredential.toJSON() returns.' },
)
export type PasskeyAttestation = Static<typeof PasskeyAttestation>

const Challenge = Base64Url(256, 'Challenge, which is signed once, within ten minutes.', 'Dh1QY0Jc8xXb8nY2QkQz3w')
const Timeout = Type.Integer({ description: 'Milliseconds.', examples: [600_000] })
const RpId = Type.String({ description: 'REKEY_RP_ID.', examples: ['bank.example'] })
const Required = Type.Literal('required')
const Credentials = Type.Array(
  Type.Object({ id: CredentialId, type: PublicKeyType, transports: Type.Optional(Transports) }),
)

/** PublicKeyCredentialRequestOptionsJSON. */
export const PasskeyRequest = Type.Object(
  {
    challenge: Challenge,
    timeout: Timeout,
    rpId: RpId,
    allowCredentials: Credentials,
    userVerification: Required,
  },
  { description: 'For PublicKeyCredential.parseRequestOptionsFromJSON() and navigator.credentials.get().' },
)
export type PasskeyRequest = Static<typeof PasskeyRequest>

/** PublicKeyCredentialCreationOptionsJSON. */
export const PasskeyCreation = Type.Object(
  {
    rp: Type.Object({ id: RpId, name: Type.String({ examples: ['Rekey'] }) }),
    user: Type.Object({
      id: Base64Url(86, 'User handle.', 'rT2hT0hHaKjY'),
      name: Type.String({ description: 'Masked address, or the code of the customer.', examples: ['b*1@gmail.com'] }),
      displayName: Type.String({ examples: ['b*1@gmail.com'] }),
    }),
    challenge: Challenge,
    pubKeyCredParams: Type.Array(Type.Object({ type: PublicKeyType, alg: Type.Integer({ examples: [-7] }) })),
    timeout: Timeout,
    excludeCredentials: Credentials,
    authenticatorSelection: Type.Object({
      residentKey: Type.Literal('preferred'),
      requireResidentKey: Type.Literal(false),
      userVerification: Required,
    }),
    attestation: Type.Literal('none'),
  },
  { description: 'For PublicKeyCredential.parseCreationOptionsFromJSON() and navigator.credentials.create().' },
)
export type PasskeyCreation = Static<typeof PasskeyCreation>

/** A passkey that the customer enrolled with the platform. */
export const EnrolledPasskey = Type.Object({
  credentialId: CredentialId,
  publicKey: Base64Url(
    2_048,
    'COSE_Key (RFC 9052 §7) of an EdDSA, ES256 or RS256 key.',
    'pQECAyYgASFYIGWLqHF94MHkPQ6PqXEvrFuhw9e0OPQzGUqQ3xTtgmnhIlggkwSLI8w0p3sO_0Lx_Q5mwXrEjAqdyXKbqXFZgWqUpyM',
  ),
  counter: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 4_294_967_295, description: 'Last signature counter. By default 0.' }),
  ),
  transports: Type.Optional(Transports),
  backedUp: Type.Optional(
    Type.Boolean({
      description: 'True if a password manager keeps the key. By default false: its first use says whether one may.',
    }),
  ),
  aaguid: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
      description: 'Model of the authenticator. By default zeros: unknown.',
      examples: ['00000000-0000-0000-0000-000000000000'],
    }),
  ),
  label: Type.Optional({ ...FactorLabel, description: `${FactorLabel.description} By default \`Passkey\`.` }),
})

/** Values of `amr` (RFC 8176 §2) for a passkey: hwk, its key cannot leave the device; swk, it may be backed up. */
export const passkeyKeys = ['hwk', 'swk'] as const
export type PasskeyKey = (typeof passkeyKeys)[number]
export const PasskeyKey = OneOf(passkeyKeys)
