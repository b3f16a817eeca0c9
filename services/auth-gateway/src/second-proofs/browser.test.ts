import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { asBearer, factorsGrant, signIn } from '@rekey/test-support/flows'
import { createWalk, openPage } from '@rekey/test-support/page-walk'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { codeOf } from '../../../password-service/src/factors/factors.fixture.ts'
import { createInspection, widths } from '../layout/inspect-pages.fixture.ts'
import { newPassword } from './second-proofs.fixture.ts'

t.test('a customer restores the password and signs in with a second proof', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t)
  const [browser, person] = await Promise.all([launchBrowser(t), createCustomer(rekey.postgres.url)])
  const { http, clock } = rekey

  /** C2, C3 and C5: an authenticator app and recovery codes. */
  const enrol = async (customer: TestCustomer) => {
    const accessToken = await signIn(rekey, customer)
    const headersOf = (successToken: unknown) => ({ ...asBearer(accessToken), successToken: String(successToken) })
    const first = headersOf(await factorsGrant(rekey, customer, accessToken))
    const made = await http.post('/api/v2/my/factors/totp', { label: 'My phone' }, first)
    /** The code of the app, each time of a later time step: each step is right once. */
    const nextOtp = () => {
      clock.advance(30_000)
      return codeOf({ secret: String(made.body.secret) }, Math.floor(clock.now().getTime() / 30_000))
    }
    const confirmed = await http.post(`/api/v2/my/factors/totp/${made.body.id}/confirm`, { code: nextOtp() }, first)
    t.equal(confirmed.status, 204)
    const challenge = await http.get('/api/v2/my/2fa/challenge?businessProcess=changeFactors', asBearer(accessToken))
    const proven = await http.post('/api/v2/my/2fa/challenge', { token: challenge.body.token, code: nextOtp() })
    const second = headersOf(proven.body.successToken)
    const codes = await http.post<{ codes: string[] }>('/api/v2/my/factors/recovery-codes', {}, second)
    t.equal(codes.status, 201)
    return { nextOtp, recoveryCodes: codes.body.codes }
  }
  const { nextOtp, recoveryCodes } = await enrol(person)

  const { page, errors } = await openPage(t, browser, { viewport: widths.phone })
  const { press, title, submitUntil, fillSignIn, restoreUpToPassword, setPassword } = createWalk(page, rekey.inbox)
  const inspect = createInspection(t, page)

  await restoreUpToPassword(rekey.url, person.email)
  await setPassword(newPassword, 'Confirm that it is you')
  t.equal(await page.getByRole('button', { name: /^Email to/ }).count(), 0, 'the proven address is not offered')
  await inspect('restore choice')

  await press('Code from your authenticator app')
  await title('Enter the code from your app')
  await page.reload()
  await page.getByLabel('Code from your app').fill('000000')
  await press('Continue')
  await page.getByRole('alert').getByText('This code is not correct').waitFor()
  t.equal(await page.evaluate('document.activeElement.className'), 'summary', 'the error has the focus')
  await inspect('restore app')

  await press('Confirm in another way')
  await title('Confirm that it is you')
  await press('One of your recovery codes')
  await title('Enter a recovery code')
  await inspect('restore recovery code')
  await page.getByLabel('Recovery code').fill(recoveryCodes[0] ?? '')
  await press('Continue')
  await page.getByText('You have confirmed that it is you').waitFor()
  await page.reload()
  await inspect('restore password again')
  await setPassword(newPassword, 'Your password is changed')

  await submitUntil('Confirm that it is you', () => fillSignIn(rekey.url, { ...person, password: newPassword }))
  await inspect('sign-in choice')
  await press('Code from your authenticator app')
  await title('Enter the code from your app')
  await page.reload()
  await inspect('sign-in app')
  // The recovery code has used up the current time step and the next one.
  nextOtp()
  await page.getByLabel('Code from your app').fill(nextOtp())
  await press('Continue')
  await title('Your account')
  await page.goBack()
  await page.reload()
  await title('Your account')
  t.same(errors, [])
})
