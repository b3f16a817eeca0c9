import type { IncomingHttpHeaders } from 'node:http'
import { RekeyError } from '@rekey/contracts'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The requests that a browser may send for another site. `read`: anything, because the route has no effect. `navigation`: a
     * page, by following a link to it. Not set: nothing.
     */
    crossSite?: 'read' | 'navigation'
  }
}

interface Options {
  /** The server's public URL. */
  publicUrl: string
  /** True for the origin of a front end that may call this server (CORS). */
  allowsOrigin(origin: string): boolean
}

/** True if the browser opens a page in a tab, because a link to it was followed (Fetch Metadata §2.1, §2.2). */
const isNavigation = ({ method, headers }: { method: string; headers: IncomingHttpHeaders }): boolean =>
  method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'

/**
 * Refuses what a browser sends for another site (S38; W3C Fetch Metadata; OWASP CSRF CS; ASVS 3.5.1). Such a page could
 * make its visitors spend quotas: their own, or those of a customer whom it names.
 *
 * The rule, for every route, before anything is counted:
 * 1. An `Origin` that may call this server, other than our own, is served: CORS decides what its page may read.
 * 2. `Sec-Fetch-Site` must be `same-origin`, `none` (an address bar, a bookmark) or absent.
 * 3. `Origin` must be our own or absent. `null` is accepted with `Sec-Fetch-Site: same-origin` or `none` alone: our own
 *    pages, which send no referrer, send it (Fetch standard, "serializing a request origin"), and so do sandboxed frames
 *    of any site.
 * 4. What fails 2 or 3 is refused, unless the route's `crossSite` allows it.
 *
 * Programs send neither header and are served; so are images that a browser without Fetch Metadata loads, which cannot
 * be told from programs.
 *
 * @throws RekeyError cross_site_request
 */
export const refuseCrossSite = fp<Options>(async (app, { publicUrl, allowsOrigin }) => {
  // A browser leaves the default port out of an origin, and the operator may not.
  const own = new URL(publicUrl).origin

  const isForeign = ({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean => {
    if (origin !== undefined && origin !== own && allowsOrigin(origin)) return false
    const isOwnPage = site === 'same-origin' || site === 'none'
    if (site !== undefined && !isOwnPage) return true
    return origin !== undefined && origin !== own && !(origin === 'null' && isOwnPage)
  }

  app.addHook('onRequest', (request, _reply, done) => {
    // Unknown paths and methods have no effect, and CORS answers preflights.
    if (request.is404 || request.method === 'OPTIONS' || !isForeign(request.headers)) return done()
    const { crossSite } = request.routeOptions.config
    if (crossSite === 'read' || (crossSite === 'navigation' && isNavigation(request))) return done()
    throw new RekeyError('cross_site_request')
  })
})
