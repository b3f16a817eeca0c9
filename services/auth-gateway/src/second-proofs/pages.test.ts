import { signsIn } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor, problemOf, titleOf, type Visitor } from '@rekey/test-support/visitor'
import t from 'tap'
import { createProver, type Enrolled, newPassword } from './second-proofs.fixture.ts'

const rekey = await startRekey(t)
const { http, inbox } = rekey
const { enrolled } = createProver(rekey)

/** The value of the button of a way. */
const wayOf = ({ text }: Answer, type: string): string =>
  new RegExp(`value="(${type}[^"]*)"`).exec(text)?.[1] ?? `no ${type} on the page`

/** The hosted restore up to the choice of a second proof. */
const toChoice = async (visitor: Visitor, { email }: Enrolled) =>
  visitor.submit(await visitor.proveCode(inbox, email), { password: newPassword })

t.test('the hosted restore asks for a second proof by each way, and then for the password again', async (t) => {
  const codes: Record<string, (person: Enrolled, page: Answer) => Promise<string> | string> = {
    otp: (person) => person.nextOtp(),
    recovery_code: ({ recoveryCodes: [code = ''] }) => code,
    'oob:sms': ({ phone }, page) => confirmationFor(inbox, page, phone),
  }
  for (const [way, codeFor] of Object.entries(codes)) {
    const person = await enrolled()
    const visitor = createVisitor(http)
    const choice = await toChoice(visitor, person)
    t.equal(titleOf(choice), 'Confirm that it is you')
    t.notMatch(choice.text, 'oob:email', 'the proven e-mail is not offered')
    const field = await visitor.submit(choice, { way: wayOf(choice, way) })
    const wrong = await visitor.submit(
      field,
      { code: way === 'recovery_code' ? 'AAAABBBBCCCCDDDD' : '000000' },
      '/proof-code',
    )
    t.match(problemOf(wrong), /^This code is not correct/)
    const malformed = await visitor.submit(wrong, { code: 'x' }, '/proof-code')
    t.match(problemOf(malformed), /^Enter /)
    const again = await visitor.submit(malformed, { code: await codeFor(person, malformed) }, '/proof-code')
    t.equal(titleOf(again), 'Choose a new password')
    t.match(again.text, 'once more')
    t.ok(await signsIn(rekey, person, person.password))
    t.equal(titleOf(await visitor.submit(again, { password: newPassword })), 'Your password is changed', way)
    t.ok(await signsIn(rekey, person, newPassword))
  }
})

t.test('the customer can choose another way, and five wrong codes end the restore', async (t) => {
  const person = await enrolled()
  const visitor = createVisitor(http)
  let page = await visitor.submit(await toChoice(visitor, person), { way: 'recovery_code' })
  page = await visitor.submit(page, {}, '/proof-other')
  t.equal(titleOf(page), 'Confirm that it is you')
  page = await visitor.submit(page, { way: 'otp' })
  for (let count = 0; count < 5; count += 1) page = await visitor.submit(page, { code: '000000' }, '/proof-code')
  t.equal(titleOf(page), 'Please start again')
  t.ok(await signsIn(rekey, person, person.password))
})

t.test('the account pages sign in by the app, and a change of the password asks for it too', async (t) => {
  const person = await enrolled()
  const visitor = createVisitor(http)
  const { email: username, password, recoveryCodes } = person
  const choice = await visitor.submit(await visitor.open('/account/sign-in'), { username, password })
  t.equal(titleOf(choice), 'Confirm that it is you')
  const field = await visitor.submit(choice, { device: 'otp' }, '/device')
  t.equal(titleOf(field), 'Enter the code from your app')
  const other = await visitor.submit(await visitor.submit(field, {}, '/other'), { device: 'recovery_code' }, '/device')
  t.equal(titleOf(other), 'Enter a recovery code')
  const home = await visitor.submit(other, { code: recoveryCodes[0] ?? '' }, '/code')
  t.equal(titleOf(home), 'Your account')

  const sent = await visitor.submit(await visitor.open('/account/password'), {}, '/account/password')
  const fields = { password: newPassword, current: password }
  const ask = await visitor.submit(
    await visitor.submit(sent, { code: await confirmationFor(inbox, sent, username) }, '/code'),
    fields,
    '/new',
  )
  t.equal(titleOf(ask), 'Confirm that it is you')
  const app = await visitor.submit(ask, { way: 'otp' }, '/proof')
  // The recovery code has used up the time step of the sign-in and the next one.
  person.nextOtp()
  const again = await visitor.submit(app, { code: person.nextOtp() }, '/proof-code')
  t.equal(titleOf(again), 'Choose a new password')
  t.equal(titleOf(await visitor.submit(again, fields, '/new')), 'Your password is changed')
  t.ok(await signsIn(rekey, person, newPassword))
})
