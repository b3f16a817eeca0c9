import { type ErrorCode, errors } from '../../errors.ts'
import type { Endpoint } from '../../http/endpoint.ts'

/** True for the endpoints whose errors have the OAuth form. */
export const isOAuth = (path: string): boolean => path.startsWith('/oauth/')

/** Codes by the rule that gives them to an operation. What only some operations answer stands in their `errors`. */
const rules: [applies: (endpoint: Endpoint, method: string, path: string) => unknown, ...codes: ErrorCode[]][] = [
  [() => true, 'invalid_request', 'headers_too_large', 'internal'],
  [({ security }) => security?.some((schemes) => 'bearer' in schemes), 'invalid_token'],
  [
    ({ security }, _method, path) => security?.some((schemes) => 'bearer' in schemes) && !isOAuth(path),
    'insufficient_scope',
  ],
  [({ params }) => params, 'not_found'],
  [({ body }, method) => body ?? method === 'DELETE', 'payload_too_large', 'unsupported_media_type'],
  [({ unlimited }) => !unlimited, 'cross_site_request', 'too_many_requests', 'unavailable'],
]

/** The codes that an operation may answer with, by status. @param route a key of `http` */
export const errorsOf = (route: string, endpoint: Endpoint): Map<number, ErrorCode[]> => {
  const [method = '', path = ''] = route.split(' ')
  const common = rules.flatMap(([applies, ...codes]) => (applies(endpoint, method, path) ? codes : []))
  const codes = [...new Set([...common, ...(endpoint.errors ?? [])])].filter(
    // A status with a form of its own is no error.
    (code) => !(errors[code].status in endpoint.response),
  )
  const sorted = codes.toSorted((a, b) => errors[a].status - errors[b].status || a.localeCompare(b))
  return Map.groupBy(sorted, (code) => errors[code].status)
}
