import { fold } from './fold.ts'
import { isPattern } from './patterns.ts'

/** Shorter passwords are left out: the least length refuses them. */
const leastLength = 8

/**
 * Loads the most common passwords, which are compared with a whole password and never with a part of one (ASVS 6.2.4;
 * NIST SP 800-63B-4 §3.1.1.2). The list is part of the package, so no request leaves the service. Load it once, before
 * the service accepts requests: about 18,000 entries take 30 ms and 20 MB.
 */
export const loadCommonPasswords = async (): Promise<(password: string) => boolean> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const list = new Set(dictionary['passwords-common'].filter(({ length }) => length >= leastLength).map(fold))
  return (password) => {
    const text = fold(password)
    return list.has(text) || isPattern(text)
  }
}
