import { readUsername, Username } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'

const isUsername = compileCheck(Username)

/** The form of the customer's input that is compared; undefined if it can be no username. */
export const toUsername = (input: string): string | undefined => {
  const username = readUsername(input)
  return isUsername(username) ? username : undefined
}
