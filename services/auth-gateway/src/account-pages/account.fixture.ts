import type { TestCustomer } from '@rekey/test-support/customers'
import type { Answer } from '@rekey/test-support/http'
import type { Rekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor, titleOf, type Visitor } from '@rekey/test-support/visitor'

/** The first pages of the sign-in, up to the page that asks for the code. */
export const signInUntilCode = async (rekey: Rekey, customer: TestCustomer, visitor: Visitor, password?: string) => {
  const start = await visitor.open('/account/sign-in')
  const input = { username: customer.email, password: password ?? customer.password }
  const chosen = await visitor.submit(start, input)
  const device = /value="(oob:email[^"]*)"/.exec(chosen.text)?.[1]
  const page = device === undefined ? chosen : await visitor.submit(chosen, { device }, '/device')
  const to = titleOf(page) === 'Check your phone' ? customer.phone : customer.email
  return { start, page, confirmation: await confirmationFor(rekey.inbox, page, to) }
}

/** Signs a customer in. @returns the browser, and the page that it is on */
export const signInToAccount = async (rekey: Rekey, customer: TestCustomer, password?: string) => {
  const visitor = createVisitor(rekey.http)
  for (;;) {
    const { page, confirmation } = await signInUntilCode(rekey, customer, visitor, password)
    const signedIn = await visitor.submit(page, { code: confirmation }, '/code')
    // On a busy machine the broker may answer too late: the code is spent then.
    if (visitor.cookies.get('rekey-account')) return { visitor, page: signedIn }
  }
}

/** From the page of the account to the page for the new password. */
export const untilNewPassword = async (rekey: Rekey, customer: TestCustomer, visitor: Visitor): Promise<Answer> => {
  const sent = await visitor.submit(await visitor.open('/account/password'), {}, '/account/password')
  return visitor.submit(sent, { code: await confirmationFor(rekey.inbox, sent, customer.email) }, '/code')
}
