import { RekeyError } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import type { Replacement, Requester } from '../passwords/replacement.service.ts'
import type { Policy } from '../policy/policy.ts'

interface Deps {
  findCustomer(id: number): Promise<{ id: number; code: string; confirmedEmail: boolean } | undefined>
  policy: Policy
  replacement: Replacement
  log: Logger
}

interface SetPassword {
  customerId: number
  password: string
  /** Mail it as a temporary password: 24 hours, and to be changed at the next sign-in. */
  sendMail: boolean
  by: Requester
}

export interface BackOffice {
  /**
   * B7: sets a customer's password.
   *
   * @throws RekeyError not_found, password_refused, invalid_request, unavailable
   */
  setPassword(ask: SetPassword): Promise<void>
}

/** What the back office does to a customer's password. */
export const createBackOffice = ({ findCustomer, policy, replacement, log }: Deps): BackOffice => ({
  async setPassword({ customerId, password, sendMail, by }) {
    const customer = await findCustomer(customerId)
    if (!customer) throw new RekeyError('not_found', { detail: 'There is no such customer.' })
    policy.enforce(password)
    if (sendMail && !customer.confirmedEmail) {
      const message = 'the customer has no confirmed e-mail address'
      const fields = [{ field: 'send_mail', code: 'not_possible', message }]
      throw new RekeyError('invalid_request', { detail: `send_mail: ${message}.`, fields })
    }
    const prepared = await replacement.prepare(password, { temporary: sendMail })
    await replacement.replace({ customerId, password: prepared, operation: 'set', by })
    log.info(
      {
        event: 'authn_password_set',
        customer: customer.code,
        actor: 'back_office',
        actorId: by.id,
        clientId: by.clientId,
        address: by.ip,
        channel: 'api',
        temporary: sendMail,
      },
      'password set by the back office',
    )
  },
})
