import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

/** A variable that names a PEM file, and the file's text. */
export interface PemFile {
  variable: string
  text: string
}

/** Extended key usages (RFC 5280 §4.2.1.12). */
export const keyUsages = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const
export type Role = keyof typeof keyUsages

/** Certificates that were read, or the reasons why they cannot be used. */
interface Read {
  certificates: X509Certificate[]
  errors: string[]
}

const blocks = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g
const dateOf = (date: Date) => date.toISOString().replace(/\.\d+/, '')

const read = ({ variable, text }: PemFile): Read => {
  const found = text.match(blocks) ?? []
  if (found.length === 0) {
    return { certificates: [], errors: [`${variable} names a file without a certificate in PEM form.`] }
  }
  try {
    return { certificates: found.map((block) => new X509Certificate(block)), errors: [] }
  } catch {
    return { certificates: [], errors: [`${variable} names a file with a certificate that cannot be read.`] }
  }
}

const isCurrent = ({ validFromDate, validToDate }: X509Certificate, now: number) =>
  validFromDate.getTime() <= now && now <= validToDate.getTime()

const dateErrors = (variable: string, { validFromDate, validToDate }: X509Certificate, now: number): string[] => {
  if (validFromDate.getTime() > now) {
    return [`${variable} is not valid before ${dateOf(validFromDate)}: correct the clock, or use it from then on.`]
  }
  return validToDate.getTime() < now ? [`${variable} expired on ${dateOf(validToDate)}: renew the certificate.`] : []
}

/**
 * Reads a certificate with its intermediates. Each must be valid now, and the first be for this role if it is restricted
 * to roles.
 */
export const readChain = (file: PemFile, role: Role, now: number): Read => {
  const { certificates, errors } = read(file)
  const [leaf] = certificates
  if (!leaf) return { certificates, errors }
  const dates = certificates.flatMap((certificate) => dateErrors(file.variable, certificate, now))
  const { keyUsage } = leaf as { keyUsage?: readonly string[] }
  const usage =
    keyUsage === undefined || keyUsage.includes(keyUsages[role])
      ? []
      : [`${file.variable} is not for ${role}s: its extended key usage lacks ${role}Auth.`]
  return { certificates, errors: [...new Set(dates), ...usage] }
}

/**
 * Reads the authorities that are trusted. One at least must be valid now: while an authority is replaced, the file has the
 * former one too.
 *
 * @returns those that are valid now
 */
export const readAuthorities = (file: PemFile, now: number): Read => {
  const { certificates, errors } = read(file)
  const current = certificates.filter((certificate) => isCurrent(certificate, now))
  if (errors.length > 0 || current.length > 0) return { certificates: current, errors }
  return { certificates: [], errors: [...new Set(certificates.flatMap((one) => dateErrors(file.variable, one, now)))] }
}

const readKey = (text: string): KeyObject | undefined => {
  try {
    return createPrivateKey(text)
  } catch {
    return undefined
  }
}

/** Errors of a private key, which must be that of the certificate. `certificate`: undefined if it cannot be read. */
export const privateKeyErrors = (key: PemFile, certificate: X509Certificate | undefined, ofWhat: string): string[] => {
  const found = readKey(key.text)
  if (!found) return [`${key.variable} names a file without a private key in PEM form that needs no passphrase.`]
  return certificate === undefined || certificate.checkPrivateKey(found)
    ? []
    : [`${key.variable} is not the key of ${ofWhat}: name the two files that were issued together.`]
}

/** When the first of these expires, in seconds since 1970. */
export const firstExpirySeconds = (certificates: readonly X509Certificate[]): number =>
  Math.min(...certificates.map(({ validToDate }) => validToDate.getTime() / 1_000))
