import { createCustomer, sql } from '@rekey/test-support/customers'
import { login, wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { confirmationFor, formsOf, problemOf, titleOf, verificationOf } from '@rekey/test-support/visitor'
import t from 'tap'
import { createProver } from '../second-proofs/second-proofs.fixture.ts'
import { signInToAccount } from './account.fixture.ts'
import { askProof, codesOn, listByApp, nextCode, secretOf, securityPath } from './security.fixture.ts'

const rekey = await startRekey(t)
const { enrolled } = createProver(rekey)
const newCustomer = () => createCustomer(rekey.postgres.url)

/** The values of the hidden field `factor` of the forms that remove a method. */
const removable = (text: string): string[] =>
  formsOf(text)
    .filter(({ action }) => action.endsWith('/removal'))
    .map(({ fields }) => fields.factor ?? '')

t.test('a customer adds the first authenticator app after a proof by e-mail', async (t) => {
  const customer = await newCustomer()
  const { visitor, page: home } = await signInToAccount(rekey, customer)
  t.match(home.text, `<a class="button second" href="${securityPath}">Security</a>`)
  const asked = await askProof(visitor)
  t.equal(titleOf(asked), 'Check your email')
  const verification = verificationOf(asked)
  t.match(verification, /^\d{4}$/)
  t.equal(verificationOf(await visitor.open(securityPath)), verification, 'opened again, it goes on with the code')
  const confirmation = await confirmationFor(rekey.inbox, asked, customer.email)
  const wrong = await visitor.submit(asked, { code: wrongCode(confirmation) }, '/code')
  t.match(problemOf(wrong), 'This code is not correct')
  const list = await visitor.submit(wrong, { code: confirmation }, '/code')
  t.equal(titleOf(list), 'Security')
  t.match(list.text, 'You have not added anything yet.')

  const name = await visitor.submit(list, {}, '/add')
  t.equal(titleOf(name), 'Add an authenticator app')
  for (const label of ['', ' ', 'x'.repeat(65), 'two\nlines']) {
    const malformed = await visitor.submit(name, { label }, '/name')
    t.equal(problemOf(malformed), 'Enter a name of 1 to 64 characters.', JSON.stringify(label))
  }
  const app = await visitor.submit(await visitor.open(visitor.at()), { label: 'My <b>phone</b>' }, '/name')
  t.equal(titleOf(app), 'Connect your app')
  const secret = secretOf(app)
  t.match(secret, /^[A-Z2-7]{32}$/)
  t.match(app.text, /<svg class="qr" role="img" aria-label="QR code for your authenticator app" viewBox="0 0 \d+ \d+"/)
  t.match(app.text, `href="otpauth://totp/Rekey:`)
  t.match(app.text, /autocomplete="one-time-code"/)
  t.equal(secretOf(await visitor.open(visitor.at())), secret, 'a reload shows the same secret')
  const notYet = await login(rekey, customer)
  t.notMatch(notYet.body.challenge_type, ['otp'], 'not in force before it is confirmed')

  const malformed = await visitor.submit(app, { code: '12' }, '/app')
  t.equal(problemOf(malformed), 'Enter the digits that your app shows.')
  const mistyped = await visitor.submit(malformed, { code: '000000' }, '/app')
  t.match(problemOf(mistyped), 'Let your phone set its time automatically')
  const input = { code: nextCode(rekey, secret) }
  const added = await visitor.submit(mistyped, input, '/app')
  t.equal(titleOf(added), 'Your app is connected')
  t.match(added.text, 'Get recovery codes too.')
  t.equal((await visitor.submit(mistyped, input, '/app')).text, added.text, 'a second press')
  t.equal((await visitor.open(visitor.at())).text, added.text, 'a reload')
  t.equal((await login(rekey, customer)).body.challenge_type[0], 'otp')

  const after = await visitor.open(`${securityPath}/list`)
  t.match(after.text, 'Authenticator app: <bdi>My &#60;b&#62;phone&#60;/b&#62;</bdi>')
  t.match(after.text, '<span class="mark">New</span>')
  t.match(after.text, 'With its codes you confirm sign-ins')
  t.notMatch(after.text, secret, 'the secret is shown no more')

  const proof = await visitor.submit(added, {}, '/issue')
  t.equal(titleOf(proof), 'Enter the code from your app', 'the next change needs another proof, by the app')
  const issue = await visitor.submit(proof, { code: nextCode(rekey, secret) }, '/code')
  t.equal(titleOf(issue), 'Recovery codes', 'it leads to what the customer wanted')
  t.notMatch(issue.text, 'stop working')
})

t.test('recovery codes are shown until they are saved, as a page and as a file', async (t) => {
  const person = await enrolled()
  const { visitor, page } = await listByApp(rekey, person)
  t.match(page.text, '10 codes are left')
  const issue = await visitor.submit(page, {}, '/issue')
  t.match(issue.text, 'Your earlier recovery codes stop working.')
  const shown = await visitor.submit(issue, {}, '/codes')
  const codes = codesOn(shown)
  t.equal(codes.length, 10)
  t.same(codesOn(await visitor.submit(issue, {}, '/codes')), codes, 'a second press makes no others')
  t.same(codesOn(await visitor.open(visitor.at())), codes, 'a reload')

  const { action, fields } = visitor.formOf(shown, '/codes-file')
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const file = await visitor.send('POST', action, form, `${new URLSearchParams(fields)}`)
  t.equal(file.status, 200)
  t.match(file.headers.get('content-disposition'), 'attachment; filename="recovery-codes.txt"')
  t.match(file.headers.get('content-type'), 'text/plain')
  t.match(file.headers.get('cache-control'), 'no-store')
  for (const code of codes) t.match(file.text, code)
  t.equal((await visitor.send('GET', action)).status, 303, 'no link gets the file')
  t.match((await visitor.send('POST', action, form, 'csrf=x')).status, 400, 'no other site either')

  const list = await visitor.submit(shown, {}, '/codes-saved')
  t.equal(titleOf(list), 'Security')
  t.same(codesOn(await visitor.open(`${securityPath}/codes`)), [], 'nothing has them any more')
  t.equal((await visitor.send('POST', action, form, `${new URLSearchParams(fields)}`)).status, 303)

  const proof = await visitor.submit(await visitor.submit(list, {}, '/add'), {}, '/other')
  t.equal(titleOf(proof), 'Confirm that it is you')
  const recovery = await visitor.submit(proof, { way: 'recovery_code' }, '/way')
  const old = await visitor.submit(recovery, { code: person.recoveryCodes[0] ?? '' }, '/code')
  t.match(problemOf(old), 'This code is not correct, or it was used before.')
  t.equal(titleOf(await visitor.submit(old, { code: codes[0] ?? '' }, '/code')), 'Add an authenticator app')
})

t.test('new codes are offered first when at most two are left', async (t) => {
  const person = await enrolled()
  await sql(
    rekey.postgres.url,
    `DELETE FROM recovery_code WHERE code_hmac IN (SELECT code_hmac FROM recovery_code JOIN factor ON id = factor_id
     WHERE customer_id = $1 LIMIT 8)`,
    [person.id],
  )
  const { page } = await listByApp(rekey, person)
  t.match(page.text, '2 codes are left')
  t.match(page.text, 'Few or none of your recovery codes are left. Get new ones now.')
})

t.test('a method is removed after a page that says so, by no GET, and once', async (t) => {
  const person = await enrolled()
  const { visitor, page } = await listByApp(rekey, person)
  const [app = '', codes = ''] = removable(page.text)
  const confirm = await visitor.submit(page, { factor: app }, '/removal')
  t.equal(titleOf(confirm), 'Remove this protection?')
  t.match(confirm.text, 'The codes of <strong><bdi>phone</bdi></strong> stop working at once.')
  await visitor.open(`${securityPath}/remove`)
  t.equal(removable((await visitor.open(`${securityPath}/list`)).text).length, 2, 'no GET removes it')

  const { fields } = visitor.formOf(confirm, '/remove')
  const other = await visitor.post(`${securityPath}/remove`, { ...fields, factor: codes })
  t.equal(titleOf(other), 'Remove this protection?', 'the form of another page removes nothing')
  t.equal(removable((await visitor.open(`${securityPath}/list`)).text).length, 2)
  const removed = await visitor.submit(confirm, {}, '/remove')
  t.match(removed.text, 'It is removed.')
  t.same(removable(removed.text), [codes])
  t.equal((await visitor.submit(confirm, {}, '/remove')).text, removed.text, 'a second press')
  t.notMatch((await login(rekey, person)).body.challenge_type, ['otp'])

  const gone = await visitor.submit(removed, { factor: app }, '/removal')
  t.match(gone.text, 'check the list')
})
