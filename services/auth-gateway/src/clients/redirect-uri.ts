/** Scheme and authority of a URI whose path is empty or `/`; then its query, or nothing. */
const withoutPath = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]+)(\/?)(\?.*)?$/

/**
 * The other spelling of a URI whose path is empty or `/`: the two are equal (RFC 3986 §6.2.3). Clients that parse a URI
 * send the one with `/`.
 *
 * @returns the URI itself if it has a path
 */
export const otherSpelling = (uri: string): string =>
  uri.replace(withoutPath, (_, origin: string, slash: string, query = '') => origin + (slash ? '' : '/') + query)

/** Compares redirect URIs character by character (RFC 9700 §2.1), except that an empty path equals `/`. */
export const isSameRedirect = (one: string, other: string): boolean => one === other || one === otherSpelling(other)
