import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

const name = { type: 2, value: 'localhost' } as const
const address = { type: 7, ip: '127.0.0.1' } as const

/** Paths of PEM files. */
export interface Certificate {
  certFile: string
  keyFile: string
}

interface Options {
  byNameAlone?: boolean
  /** Default: now. */
  validFrom?: Date
  /** Default: a year after `validFrom`. */
  validTo?: Date
}

/** Writes a self-signed certificate for localhost, by name and address or by name alone, and its key. */
export const writeCertificate = async (
  dir: string,
  { byNameAlone = false, validFrom, validTo }: Options = {},
): Promise<Certificate> => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    ...(validFrom && { notBeforeDate: validFrom }),
    ...(validTo && { notAfterDate: validTo }),
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: byNameAlone ? [name] : [name, address] },
    ],
  })
  const certFile = join(dir, 'certificate.pem')
  const keyFile = join(dir, 'certificate-key.pem')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key, { mode: 0o600 })
  return { certFile, keyFile }
}
