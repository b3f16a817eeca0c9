import { type SandboxCustomer, sandboxCustomers } from '@rekey/contracts'

const customerAt = (index: number) => {
  const { addresses: [address] = [], ...customer } = sandboxCustomers[index] as SandboxCustomer
  return { ...customer, email: address?.value ?? '' }
}

/** Has mail and a phone number. */
export const withPhone = customerAt(0)
/** Has mail alone. */
export const withMail = customerAt(1)
/** Has mail and an authenticator app. */
export const withApp = customerAt(2)

export const newPassword = 'a lamp by the harbour'
