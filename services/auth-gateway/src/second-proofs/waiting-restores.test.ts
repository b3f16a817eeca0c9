import { login, reset, restoreGrant, signsIn, state } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, titleOf, type Visitor } from '@rekey/test-support/visitor'
import t from 'tap'
import { createProver, type Enrolled, newPassword } from './second-proofs.fixture.ts'
import { createWaiter } from './waiting-restores.fixture.ts'

const rekey = await startRekey(t)
const { http, inbox } = rekey
const { enrolled, choose, prove, setPassword, secondProofOf } = createProver(rekey)
const { wait, until, vetoPath, stateOf } = createWaiter(rekey)

const waits = { error: 'restore_waiting', waits_until: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/, state }

t.test('S53: A4b with "unavailable" opens a restore that waits, and says until when', async (t) => {
  const person = await enrolled()
  const { first, mfaToken } = await secondProofOf(person)
  const opened = await choose(mfaToken, 'unavailable')
  t.equal(opened.status, 200)
  t.match(opened.body, { ...waits, mfa_token: mfaToken })
  t.same(Object.keys(opened.body).toSorted(), ['error', 'error_description', 'mfa_token', 'state', 'waits_until'])
  t.same((await choose(mfaToken, 'unavailable')).body, opened.body, 'a second time: the same restore')
  t.match((await setPassword(first)).body, { code: 'second_proof_required', waitsUntil: opened.body.waits_until })
  const access = await restoreGrant(rekey, person, 'access_token')
  t.match(await reset(rekey, access, { password: newPassword }), {
    status: 403,
    body: { error: 'mfa_required', waits_until: opened.body.waits_until, mfa_token: String },
  })
  t.equal(await stateOf(person.id), 'waiting 1')
  t.ok(await signsIn(rekey, person, person.password), 'the password is the old one')

  await wait(person.id)
  t.equal((await setPassword(await restoreGrant(rekey, person))).status, 204)
  t.equal(await stateOf(person.id), 'completed 3')
  t.ok(await signsIn(rekey, person, newPassword))
})

t.test('while it waits the second proof can still be given', async (t) => {
  const person = await enrolled()
  const { mfaToken } = await secondProofOf(person)
  t.match((await choose(mfaToken, 'unavailable')).body, waits)
  const proven = await prove(mfaToken, 'mfa_otp', person.nextOtp())
  t.equal((await setPassword(proven.body.sign_token)).status, 204)
  t.equal(await stateOf(person.id), 'vetoed 1 by new_password')
})

t.test('"unavailable" is refused without a second proof that is required, and after a veto', async (t) => {
  const person = await enrolled()
  const { body } = await http.post('/oauth/v2/passwordRestore', {
    response_type: 'code',
    client_id: 'ib_localhost',
    redirect_uri: 'http://localhost',
    scope: 'CUSTOMER:PASSWORD:RESTORE',
    state,
    username: person.email,
    client_timezone: '-3',
    source_system: 'IB',
  })
  t.match(
    await choose(body.mfa_token, 'unavailable'),
    { status: 400, body: { error: 'invalid_request' } },
    'before the first proof',
  )
  const { mfaToken } = await secondProofOf(person)
  t.match((await choose(mfaToken, 'unavailable')).body, waits)
  await http.post('/oauth/v2/token', {
    grant_type: 'mfa_otp',
    mfa_token: (await login(rekey, person)).body.mfa_token,
    code: person.nextOtp(),
  })
  await until(person.id, 'vetoed 1 by sign_in')
  t.match(await choose(mfaToken, 'unavailable'), {
    status: 400,
    body: { error: 'access_denied', error_description: /vetoed a short while ago/ },
  })
})

t.test('S58: a link of a notification opens a page, and only its button vetoes', async (t) => {
  const person = await enrolled()
  const { mfaToken } = await secondProofOf(person)
  await choose(mfaToken, 'unavailable')
  const visitor = createVisitor(http)
  const path = await vetoPath(person.phone)
  for (let count = 0; count < 3; count += 1) {
    const page = await visitor.open(path)
    t.equal(titleOf(page), 'Stop the reset of your password?')
  }
  t.equal(await stateOf(person.id), 'waiting 1', 'a scanner that follows the link changes nothing')
  t.equal(titleOf(await visitor.submit(await visitor.open(path), {})), 'The reset is stopped')
  t.equal(await stateOf(person.id), 'vetoed 1 by link')
  t.equal(titleOf(await visitor.submit(await visitor.open(path), {})), 'The reset is stopped', 'pressed again')
  t.equal((await setPassword(await restoreGrant(rekey, person))).status, 403)
  t.ok(await signsIn(rekey, person, person.password), 'the account is not blocked')
  const forged = await visitor.submit(await visitor.open('/v/AAAAAAAAAAAAAAAAAAAAAA'), {})
  t.match([forged.status, titleOf(forged)], [400, 'This link is not valid'])
})

/** The hosted restore up to the choice of a second proof. */
const toChoice = async (visitor: Visitor, { email }: Enrolled) =>
  visitor.submit(await visitor.proveCode(inbox, email), { password: newPassword })

t.test('the hosted restore waits at the press of a button, and says so again before the end', async (t) => {
  const person = await enrolled()
  const visitor = createVisitor(http)
  const choice = await toChoice(visitor, person)
  t.match(choice.text, 'I cannot do any of this now')
  const waiting = await visitor.submit(choice, { way: 'unavailable' })
  t.equal(titleOf(waiting), 'Your reset is waiting')
  t.match(waiting.text, /You can set a new password from <strong><time datetime="[^"]+">\d+ \w+ \d{4} at \d\d:\d\d/)
  const back = await visitor.submit(waiting, {}, '/proof-other')
  t.equal(titleOf(back), 'Confirm that it is you', 'the customer has found the phone')
  const again = createVisitor(http)
  t.equal(titleOf(await toChoice(again, person)), 'Your reset is waiting')
  await wait(person.id)
  const last = createVisitor(http)
  t.equal(titleOf(await toChoice(last, person)), 'Your password is changed')
  t.ok(await signsIn(rekey, person, newPassword))
})

t.test('after a veto the hosted restore ends, and names the staff', async (t) => {
  const person = await enrolled()
  const visitor = createVisitor(http)
  const choice = await toChoice(visitor, person)
  await visitor.submit(choice, { way: 'unavailable' })
  const page = await createVisitor(http).open(await vetoPath(person.email))
  await visitor.submit(page, {})
  const other = createVisitor(http)
  const ended = await other.submit(await toChoice(other, person), { way: 'unavailable' })
  t.match(ended.text, 'This reset cannot wait')
})
