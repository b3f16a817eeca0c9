import { createHash, generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes, sign } from 'node:crypto'

// An authenticator in software (WebAuthn L3 §6), which can also do what a real one refuses. Independent of the library
// that the product verifies with.

type Cbor = number | string | Buffer | Map<number | string, Cbor>

const head = (major: number, value: number): Buffer => {
  if (value < 24) return Buffer.from([(major << 5) | value])
  if (value < 0x1_00) return Buffer.from([(major << 5) | 24, value])
  const bytes = Buffer.alloc(3, (major << 5) | 25)
  bytes.writeUInt16BE(value, 1)
  return bytes
}

/** RFC 8949, of what WebAuthn needs. */
const toCbor = (value: Cbor): Buffer => {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  const entries = [...value].flatMap(([key, item]) => [toCbor(key), toCbor(item)])
  return Buffer.concat([head(5, value.size), ...entries])
}

const bytesOf = (text: string | undefined) => Buffer.from(text ?? '', 'base64url')

/** COSE_Key (RFC 9053 §7) of a public key, and how it signs. */
const kinds = {
  ES256: {
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    cose: ({ x, y }: JsonWebKey): [number, Cbor][] => [
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, bytesOf(x)],
      [-3, bytesOf(y)],
    ],
    digest: 'sha256',
  },
  EdDSA: {
    make: () => generateKeyPairSync('ed25519'),
    cose: ({ x }: JsonWebKey): [number, Cbor][] => [
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, bytesOf(x)],
    ],
    digest: null,
  },
  RS256: {
    make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    cose: ({ n, e }: JsonWebKey): [number, Cbor][] => [
      [1, 3],
      [3, -257],
      [-1, bytesOf(n)],
      [-2, bytesOf(e)],
    ],
    digest: 'sha256',
  },
  /** Which no options offer. */
  ES512: {
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    cose: ({ x, y }: JsonWebKey): [number, Cbor][] => [
      [1, 2],
      [3, -36],
      [-1, 3],
      [-2, bytesOf(x)],
      [-3, bytesOf(y)],
    ],
    digest: 'sha512',
  },
} as const

const flagBits = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, backedUp: 0x10, attested: 0x40 }

export interface AuthenticatorOptions {
  /** Of the page. */
  origin: string
  algorithm?: keyof typeof kinds
  /** True for a passkey that a password manager keeps. */
  isSynced?: boolean
  /** Counter of the first assertion; each one raises it. 0: it stays 0. */
  counter?: number
}

/** What differs in one ceremony. */
export interface Deviation {
  origin?: string
  rpId?: string
  type?: string
  isUserVerified?: boolean
  isUserPresent?: boolean
  isBackupEligible?: boolean
  counter?: number
  crossOrigin?: boolean
  userHandle?: string
  /** Base64url. */
  challenge?: string
  /** Changes the signature. */
  isForged?: boolean
}

interface Creation {
  rp: { id: string }
  user: { id: string }
  challenge: string
}
interface Request {
  rpId: string
  challenge: string
}

/** A credential of an authenticator: made by `create`, asked by `get`. */
export const createAuthenticator = ({
  origin: usualOrigin,
  algorithm = 'ES256',
  isSynced = false,
  counter: firstCounter = 1,
}: AuthenticatorOptions) => {
  const kind = kinds[algorithm]
  const { publicKey, privateKey } = kind.make() as { publicKey: KeyObject; privateKey: KeyObject }
  const credentialId = randomBytes(32)
  const id = credentialId.toString('base64url')
  const coseKey = toCbor(new Map(kind.cose(publicKey.export({ format: 'jwk' }))))
  let counter = firstCounter
  let userHandle = ''

  const clientData = (type: string, challenge: string, deviation: Deviation): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: deviation.type ?? type,
        challenge: deviation.challenge ?? challenge,
        origin: deviation.origin ?? usualOrigin,
        crossOrigin: deviation.crossOrigin ?? false,
      }),
    )

  const authenticatorData = (rpId: string, attested: Buffer | undefined, deviation: Deviation): Buffer => {
    const { isUserPresent = true, isUserVerified = true, isBackupEligible = isSynced } = deviation
    const flags =
      (isUserPresent ? flagBits.userPresent : 0) |
      (isUserVerified ? flagBits.userVerified : 0) |
      (isBackupEligible ? flagBits.backupEligible | flagBits.backedUp : 0) |
      (attested ? flagBits.attested : 0)
    const tail = Buffer.alloc(5, flags)
    tail.writeUInt32BE(deviation.counter ?? counter, 1)
    if (firstCounter > 0) counter += 1
    const rpIdHash = createHash('sha256')
      .update(deviation.rpId ?? rpId)
      .digest()
    return Buffer.concat([rpIdHash, tail, attested ?? Buffer.alloc(0)])
  }

  return {
    id,
    /** COSE_Key in base64url. */
    publicKey: coseKey.toString('base64url'),
    /** Answers creation options: RegistrationResponseJSON. */
    create({ rp, user, challenge }: Creation, deviation: Deviation = {}) {
      userHandle = user.id
      const length = Buffer.alloc(2)
      length.writeUInt16BE(credentialId.length)
      const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, coseKey])
      const object = new Map<string, Cbor>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authenticatorData(rp.id, attested, deviation)],
      ])
      return {
        id,
        rawId: id,
        type: 'public-key' as const,
        response: {
          clientDataJSON: clientData('webauthn.create', challenge, deviation).toString('base64url'),
          attestationObject: toCbor(object).toString('base64url'),
          transports: ['internal'],
        },
        clientExtensionResults: {},
      }
    },

    /** Answers request options: AuthenticationResponseJSON. */
    get({ rpId, challenge }: Request, deviation: Deviation = {}) {
      const client = clientData('webauthn.get', challenge, deviation)
      const data = authenticatorData(rpId, undefined, deviation)
      const signed = Buffer.concat([data, createHash('sha256').update(client).digest()])
      const signature = sign(kind.digest, signed, privateKey)
      if (deviation.isForged) signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 1, signature.length - 1)
      return {
        id,
        rawId: id,
        type: 'public-key' as const,
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
          userHandle: deviation.userHandle ?? userHandle,
        },
        clientExtensionResults: {},
        authenticatorAttachment: 'platform',
      }
    },
  }
}

export type Authenticator = ReturnType<typeof createAuthenticator>
