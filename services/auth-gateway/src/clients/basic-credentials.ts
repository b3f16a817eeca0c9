import { RekeyError } from '@rekey/contracts'

const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

/**
 * HTTP Basic credentials of a client, each part form-encoded (RFC 6749 §2.3.1).
 *
 * @throws RekeyError invalid_client where the header is Basic and cannot be read
 */
export const readBasicCredentials = (header: string | undefined): { clientId: string; secret: string } | undefined => {
  const [scheme, encoded] = (header ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic') return undefined
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  try {
    if (colon < 0) throw new URIError('no colon')
    return { clientId: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) }
  } catch {
    throw new RekeyError('invalid_client')
  }
}
