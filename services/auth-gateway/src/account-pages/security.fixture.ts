import type { TestCustomer } from '@rekey/test-support/customers'
import type { Answer } from '@rekey/test-support/http'
import type { Rekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor, type Visitor } from '@rekey/test-support/visitor'
import { codeOf } from '../../../password-service/src/factors/factors.fixture.ts'
import type { Enrolled } from '../second-proofs/second-proofs.fixture.ts'
import { signInToAccount } from './account.fixture.ts'

export const securityPath = '/account/security'

/** Signs a customer with an authenticator app in by it, on the account pages. */
export const signInByApp = async (rekey: Rekey, { email: username, password, nextOtp }: Enrolled): Promise<Visitor> => {
  for (;;) {
    const visitor = createVisitor(rekey.http)
    const choice = await visitor.submit(await visitor.open('/account/sign-in'), { username, password })
    const field = await visitor.submit(choice, { device: 'otp' }, '/device')
    await visitor.submit(field, { code: nextOtp() }, '/code')
    // On a busy machine the broker may answer too late: the code is spent then.
    if (visitor.cookies.get('rekey-account')) return visitor
  }
}

/** Asks for the proof, from the first page. */
export const askProof = async (visitor: Visitor): Promise<Answer> =>
  visitor.submit(await visitor.open(securityPath), {}, securityPath)

/** The list of a customer with an authenticator app, after a proof by it. */
export const listByApp = async (rekey: Rekey, person: Enrolled) => {
  const visitor = await signInByApp(rekey, person)
  const page = await visitor.submit(await askProof(visitor), { code: person.nextOtp() }, '/code')
  return { visitor, page }
}

/** The list of a customer without methods, after a proof by e-mail. */
export const listByEmail = async (rekey: Rekey, customer: TestCustomer) => {
  const { visitor } = await signInToAccount(rekey, customer)
  const asked = await askProof(visitor)
  const code = await confirmationFor(rekey.inbox, asked, customer.email)
  return { visitor, page: await visitor.submit(asked, { code }, '/code') }
}

/** The secret that a page shows for typing. */
export const secretOf = ({ text }: Answer): string =>
  /<strong class="secret"[^>]*>([A-Z2-7 ]+)</.exec(text)?.[1]?.replaceAll(' ', '') ?? ''

/** The codes that a page shows. */
export const codesOn = ({ text }: Answer): string[] =>
  [...text.matchAll(/<li>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})<\/li>/g)].map(([, code = '']) => code)

/** The code of an authenticator app with this secret, each time of a later time step: each step is right once. */
export const nextCode = ({ clock }: Rekey, secret: string): string => {
  clock.advance(30_000)
  return codeOf({ secret }, Math.floor(clock.now().getTime() / 30_000))
}
