/**
 * The work grows with the square of the length, and with the characters that may stand for others: with these two a
 * password takes 20 ms at most. What is longer is at least as strong as its beginning.
 */
const longestEstimate = 32
const mostSubstitutions = 8

type Estimator = (password: string, username: string) => Score
export type Score = 0 | 1 | 2 | 3 | 4

const loadEstimator = async (): Promise<Estimator> => {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ])
  const zxcvbn = new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    maxLength: longestEstimate,
    l33tMaxSubstitutions: mostSubstitutions,
  })
  // Cut alike: a password that begins with a long username is found too.
  const cut = (text: string) => text.slice(0, longestEstimate)
  return (password, username) => zxcvbn.check(cut(password), [username, ...username.split(/[@.+_-]/)].map(cut)).score
}

let estimator: Promise<Estimator> | undefined

/**
 * How hard a password is to guess (zxcvbn), from 0 (a common one) to 4. A hint for the customer: the policy of the
 * password-service decides. The dictionaries are loaded at the first use, because they
 * take a tenth of a second of the start.
 *
 * @param username a password that repeats it is weak
 */
export const strengthOf = async (password: string, username: string): Promise<Score> => {
  estimator ??= loadEstimator()
  return (await estimator)(password, username)
}
