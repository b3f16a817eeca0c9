import { parseKeys } from '@rekey/platform/keys'

/** Variables whose whole value is a secret. */
const isSecretName = (name: string) => /(_KEY|_TOKEN|_SECRET|_PASSWORD)$/.test(name)

const passwordOf = (url: string) => {
  if (!URL.canParse(url)) return []
  const { password } = new URL(url)
  return password === '' ? [] : [password, decodeURIComponentSafely(password)]
}

const decodeURIComponentSafely = (text: string) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const secretsOf = ([name, value = '']: [string, string | undefined]): string[] => [
  ...(isSecretName(name) ? [value, ...parseKeys(value).map(({ secret }) => secret)] : []),
  ...(name === 'REKEY_PASSWORD_PEPPERS' ? parseKeys(value).map(({ secret }) => secret) : []),
  ...value.split(',').flatMap(passwordOf),
]

/**
 * Makes a function that replaces each secret of these variables by `***`: an error of a server or of a library may repeat
 * one.
 */
export const createMask = (environments: readonly Record<string, string | undefined>[]) => {
  const secrets = environments
    .flatMap((environment) => Object.entries(environment).flatMap(secretsOf))
    .filter((secret) => secret.length > 3)
    .toSorted((one, other) => other.length - one.length)
  return (text: string): string => secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
}

/** Host and port of a URL, without user, password and path. */
export const placeOf = (url: string): string => {
  const { host } = new URL(url)
  return host
}
