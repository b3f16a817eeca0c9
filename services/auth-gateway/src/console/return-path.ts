/** The console's first page, and the path below which all its pages are. */
export const consolePath = '/staff'

const base = 'https://console.invalid'
const isPage = (path: string) => path === consolePath || path.startsWith(`${consolePath}/`)
const isOfSignIn = (path: string) => /^\/staff\/(sign-in|sign-out|callback)(\/|$)/.test(path)

/**
 * The page of the console to open after a sign-in (CWE-601, ASVS 1.2.2): the wanted path if it is one of the console's
 * own, as a browser would resolve it; otherwise the first page. Never another origin, never a page of the sign-in.
 */
export const readReturnPath = (wanted: string | undefined): string => {
  if (!wanted?.startsWith('/') || wanted.length > 1_000 || !URL.canParse(wanted, base)) return consolePath
  const { origin, pathname, search } = new URL(wanted, base)
  return origin === base && isPage(pathname) && !isOfSignIn(pathname) ? pathname + search : consolePath
}
