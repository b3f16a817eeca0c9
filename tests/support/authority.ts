import { writeFileSync } from 'node:fs'
import { generate } from 'selfsigned'

/** A certificate and its private key, as PEM texts. */
export interface Identity {
  cert: string
  key: string
}

interface IssueOptions {
  /** The extended key usage; both by default. */
  usage?: 'server' | 'client' | 'both'
  /** Default: an hour ago. */
  validFrom?: Date
  /** Default: a year after `validFrom`. */
  validTo?: Date
  /** Encrypts the private key. */
  passphrase?: string
}

const hourMs = 3_600_000
const altNames = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
] as const

/** Creates a certificate authority, which issues certificates for this machine. */
export const createAuthority = async (name: string, { validFrom, validTo }: IssueOptions = {}) => {
  const dates = (from = new Date(Date.now() - hourMs), to?: Date) => ({
    notBeforeDate: from,
    ...(to && { notAfterDate: to }),
  })
  const { cert, private: caKey } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...dates(validFrom, validTo),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return {
    /** The authority's own certificate. */
    cert,
    async issue(options: IssueOptions = {}): Promise<Identity> {
      const { usage = 'both', passphrase } = options
      const issued = await generate([{ name: 'commonName', value: 'localhost' }], {
        keyType: 'ec',
        algorithm: 'sha256',
        ...dates(options.validFrom, options.validTo),
        ...(passphrase !== undefined && { passphrase }),
        ca: { key: caKey, cert },
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'extKeyUsage', serverAuth: usage !== 'client', clientAuth: usage !== 'server' },
          { name: 'subjectAltName', altNames: [...altNames] },
        ],
      })
      return { cert: issued.cert, key: issued.private }
    },
  }
}

export type Authority = Awaited<ReturnType<typeof createAuthority>>

/** Writes each text to its path; as secret as production requires. */
export const writePem = (texts: Record<string, string>): void => {
  for (const [path, text] of Object.entries(texts)) writeFileSync(path, text, { mode: 0o600 })
}
