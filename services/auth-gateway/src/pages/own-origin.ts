import type { IncomingHttpHeaders } from 'node:http'

/**
 * Whether a form was sent from another site (S34, ASVS 3.5.1). Nothing here rests on a cookie, so a forger gains little;
 * this keeps other sites from sending a customer's browser here all the same. `Origin: null` says nothing: browsers send
 * it from our own pages too, because these tell no referrer (Fetch standard, "serializing a request origin"); such
 * browsers tell by `Sec-Fetch-Site`.
 */
export const isForeign = (headers: IncomingHttpHeaders, own: string): boolean => {
  const { origin, 'sec-fetch-site': site } = headers
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none'
  const foreignOrigin = origin !== undefined && origin !== 'null' && origin !== own
  return foreignSite || foreignOrigin
}
