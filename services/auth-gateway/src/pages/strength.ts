import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import * as common from '@zxcvbn-ts/language-common'
import * as english from '@zxcvbn-ts/language-en'

/** The work grows with the square of the length. What is longer is strong if its beginning is. */
const longestEstimate = 64

let estimator: ZxcvbnFactory | undefined

/** Made at the first use: the dictionaries take a tenth of a second and some megabytes. */
const getEstimator = () => {
  estimator ??= new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    maxLength: longestEstimate,
  })
  return estimator
}

/**
 * How hard a password is to guess (zxcvbn), from 0 (a common one) to 4. A hint for the customer: the policy of the
 * password-service decides.
 *
 * @param username a password that repeats it is weak
 */
export const strengthOf = (password: string, username: string): 0 | 1 | 2 | 3 | 4 =>
  getEstimator().check(password.slice(0, longestEstimate), [username, ...username.split(/[@.+_-]/)]).score
