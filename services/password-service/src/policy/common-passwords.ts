import { fold } from './fold.ts'
import { isPattern } from './patterns.ts'

/** No list has these: they are shorter than any policy allows. */
const shortest = 8

/**
 * The passwords that most people use, to be compared with a whole password and never with a part of one (ASVS 6.2.4;
 * NIST SP 800-63B-4 §3.1.1.2). They come with the package: nobody is asked. Loaded once, before the service takes
 * requests: about 18,000 of them, 30 ms and 20 MB; a look-up is one in a set.
 */
export const loadCommonPasswords = async (): Promise<(password: string) => boolean> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const list = new Set(dictionary['passwords-common'].filter(({ length }) => length >= shortest).map(fold))
  return (password) => {
    const text = fold(password)
    return list.has(text) || isPattern(text)
  }
}
