type Headers = Record<string, string | string[] | undefined>

/**
 * Fields of one connection (RFC 9110 §7.6.1, RFC 9112 §9.3, RFC 9113 §8.2.2), and `Expect`, which this server has
 * answered by reading the body (RFC 9110 §10.1.1). The HTTP client of the forwarding throws at some of them.
 */
const ofOneHop = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const namedIn = (connection: string | string[] | undefined): string[] =>
  [connection ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((name) => name.trim().toLowerCase())

/** The headers without those of one hop, and without those that `Connection` names (RFC 9110 §7.6.1). */
export const endToEndHeaders = <T extends Headers>(headers: T): T => {
  const named = namedIn(headers.connection)
  const kept: Headers = {}
  for (const name in headers) if (!ofOneHop.has(name) && !named.includes(name)) kept[name] = headers[name]
  return kept as T
}
