import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

const address = { type: 7, ip: '127.0.0.1' } as const

/** Paths of PEM files. */
export interface Certificate {
  certFile: string
  keyFile: string
}

interface Options {
  /** Default: localhost. */
  host?: string
  byNameAlone?: boolean
  /** Default: now. */
  validFrom?: Date
  /** Default: a year after `validFrom`. */
  validTo?: Date
}

/** Writes a self-signed certificate for a host, by name and this machine's address or by name alone, and its key. */
export const writeCertificate = async (
  dir: string,
  { host = 'localhost', byNameAlone = false, validFrom, validTo }: Options = {},
): Promise<Certificate> => {
  const name = { type: 2, value: host } as const
  const { cert, private: key } = await generate([{ name: 'commonName', value: host }], {
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
