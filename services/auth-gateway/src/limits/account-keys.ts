import { createHmac } from 'node:crypto'
import { parseUsername } from '@rekey/contracts'
import { toKey } from '@rekey/platform/seal'

interface Settings {
  REKEY_ACCOUNT_KEY: string
}

/**
 * Account keys: an HMAC identifies an account in rate limits, challenges, logs and events, whether or not the account
 * exists (S13).
 */
export const createAccountKeys = ({ REKEY_ACCOUNT_KEY }: Settings) => {
  const key = toKey(REKEY_ACCOUNT_KEY)
  const hmac = (text: string) => createHmac('sha256', key).update(text).digest('base64url')
  return {
    /** HMAC of the normalised username. */
    ofUsername: (username: string): string => hmac(parseUsername(username).value),

    /** HMAC of a customer's code. The prefix keeps it apart: no username begins with a control character. */
    ofCustomer: (customer: string): string => hmac(`\0${customer}`),

    /** HMAC of an account key with a network, so that Redis reveals neither. */
    ofNetwork: (account: string, network: string): string => hmac(`\0${account}\0${network}`),
  }
}

export type AccountKeys = ReturnType<typeof createAccountKeys>
