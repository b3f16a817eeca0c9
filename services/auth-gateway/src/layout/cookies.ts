import { parseCookie, stringifySetCookie } from 'cookie'

/** The cookies of a request. Of two with one name the first counts, which has the longer path (RFC 6265 §5.4). */
export const cookiesOf = ({ headers }: { headers: { cookie?: string | undefined } }) =>
  parseCookie(headers.cookie ?? '')

/**
 * Writes the pages' cookies: for this host alone, not for scripts, and not for requests of other sites except links
 * (`Lax`: the pages are opened from the bank's site and from mails).
 *
 * @param isSecure true if the pages are reached by https: names then have the prefix `__Host-`, which other hosts of the
 * domain cannot set (RFC 6265bis §4.1.3.2)
 */
export const createCookieJar = (isSecure: boolean) => {
  const nameOf = (name: string) => `${isSecure ? '__Host-' : ''}rekey-${name}`
  return {
    nameOf,
    write: (name: string, value: string, maxAge: number): string =>
      stringifySetCookie({
        name: nameOf(name),
        value,
        maxAge,
        path: '/',
        httpOnly: true,
        sameSite: 'lax',
        secure: isSecure,
      }),
  }
}

export type CookieJar = ReturnType<typeof createCookieJar>
