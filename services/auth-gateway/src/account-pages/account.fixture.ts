import type { TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import type { Rekey } from '@rekey/test-support/rekey'
import { createVisitor, type Visitor, verificationOf } from '@rekey/test-support/visitor'

/** The confirmation code of the message that a page belongs to. */
export const confirmationOf = (rekey: Pick<Rekey, 'inbox'>, to: string, verification: string): Promise<string> =>
  eventually(
    async () =>
      (await rekey.inbox.messagesTo(to)).map(codesOf).find((codes) => codes.verification === verification)
        ?.confirmation,
    { what: `a code for ${to}` },
  )

/** The first pages of the sign-in, up to the page that asks for the code. */
export const signInUntilCode = async (rekey: Rekey, customer: TestCustomer, visitor: Visitor, password?: string) => {
  const start = await visitor.open('/account/sign-in')
  const chosen = await visitor.submit(start, {
    username: customer.email,
    password: password ?? customer.password,
  })
  const device = /value="(oob:email[^"]*)"/.exec(chosen.text)?.[1]
  const page = device === undefined ? chosen : await visitor.submit(chosen, { device }, '/device')
  const to = page.text.includes('Check your phone') ? customer.phone : customer.email
  return { start, page, confirmation: await confirmationOf(rekey, to, verificationOf(page)) }
}

/** Signs a customer in. @returns the browser, and the page that it is on */
export const signInToAccount = async (rekey: Rekey, customer: TestCustomer, password?: string) => {
  const visitor = createVisitor(rekey.url)
  const { page, confirmation } = await signInUntilCode(rekey, customer, visitor, password)
  return { visitor, page: await visitor.submit(page, { code: confirmation }, '/code') }
}

/** From the page of the account to the page for the new password. */
export const untilNewPassword = async (rekey: Rekey, customer: TestCustomer, visitor: Visitor): Promise<Answer> => {
  const sent = await visitor.submit(await visitor.open('/account/password'), {}, '/account/password')
  const code = await confirmationOf(rekey, customer.email, verificationOf(sent))
  return visitor.submit(sent, { code }, '/code')
}
