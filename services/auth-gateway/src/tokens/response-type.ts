import { RekeyError, responseTypes } from '@rekey/contracts'

export type ResponseType = (typeof responseTypes)[number]

/** @throws RekeyError unsupported_response_type (RFC 6749 §4.1.2.1) */
export const checkResponseType = (value: string): ResponseType => {
  const found = responseTypes.find((type) => type === value)
  if (!found) throw new RekeyError('unsupported_response_type')
  return found
}
