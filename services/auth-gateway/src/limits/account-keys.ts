import { parseUsername } from '@rekey/contracts'
import { hmac, toKeys } from '@rekey/platform/keys'

interface Settings {
  REKEY_ACCOUNT_KEY: string
}

/**
 * Account keys: an HMAC identifies an account in rate limits, challenges, logs and events, whether or not the account
 * exists (S13). While REKEY_ACCOUNT_KEY is replaced, an account has former account keys too.
 */
export const createAccountKeys = ({ REKEY_ACCOUNT_KEY }: Settings) => {
  const { current, all } = toKeys(REKEY_ACCOUNT_KEY)
  const former = all.filter((key) => key !== current)
  const nameOf = (username: string) => parseUsername(username).value
  // The prefix keeps customers apart: no username begins with a control character.
  const customerOf = (customer: string) => `\0${customer}`
  const formerOf = (text: string) => former.map((key) => hmac(key, text))
  return {
    /** HMAC of the normalised username. */
    ofUsername: (username: string): string => hmac(current, nameOf(username)),

    /** HMAC of a customer's code. */
    ofCustomer: (customer: string): string => hmac(current, customerOf(customer)),

    formerOfUsername: (username: string): string[] => formerOf(nameOf(username)),
    formerOfCustomer: (customer: string): string[] => formerOf(customerOf(customer)),

    /** HMAC of an account key with a network, so that Redis reveals neither. */
    ofNetwork: (account: string, network: string): string => hmac(current, `\0${account}\0${network}`),
  }
}

export type AccountKeys = ReturnType<typeof createAccountKeys>
