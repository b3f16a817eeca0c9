import { createCustomer } from '@rekey/test-support/customers'
import { restoreGrant } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createDesk, titleOf } from './console.fixture.ts'
import { readVerifications } from './verification.fixture.ts'
import { createWaitingCustomers } from './waiting-restore.fixture.ts'

// Neither four eyes nor verifications are configured: the end of a wait needs both all the same.
const rekey = await startRekey(t, { staffConsole: true })
const { waiting, setPassword } = createWaitingCustomers(rekey)

const signedIn = async (name: 'staff-1' | 'staff-2') => {
  const desk = createDesk(rekey)
  await desk.signIn(name, name === 'staff-1' ? '111111' : '222222')
  return desk
}
const [one, other] = [await signedIn('staff-1'), await signedIn('staff-2')]

const path = ({ id }: { id: number }) => `/staff/customers/${id}`
const approvalIn = ({ text }: { text: string }) => /href="(\/staff\/approvals\/[^"]*)"/.exec(text)?.[1] ?? ''
const factOf = ({ text }: { text: string }, label: string) =>
  new RegExp(`<dt>${label}</dt><dd>(.*?)</dd>`, 's').exec(text)?.[1] ?? ''

/** Verifies a customer by the code of the authenticator app. */
const verifyByApp = async (person: { id: number; nextOtp(): string }) => {
  const step = await one.submit(await one.go(`${path(person)}/verify`), '/verify', { channel: 'otp' })
  return one.submit(step, '/verify/', { code: person.nextOtp() })
}

t.test('C10: the page of a customer shows the restore that waits, and what staff can do with it', async (t) => {
  const person = await waiting()
  const page = await one.go(path(person))
  t.match(page.text, '<h2>Waiting restore</h2>')
  t.match(factOf(page, 'Opened by'), 'Email')
  t.match(factOf(page, 'Last notice'), 'Of the opening')
  t.match(factOf(page, 'Wait ends'), '<time')
  for (const act of ['veto-restore', 'end-wait']) t.match(page.text, `href="${path(person)}/${act}"`)
  const none = await createCustomer(rekey.postgres.url)
  t.notMatch((await one.go(path(none))).text, 'Waiting restore')
  for (const act of ['veto-restore', 'end-wait']) {
    t.match((await one.go(`${path(none)}/${act}`)).text, 'No restore of this customer waits.', act)
  }
})

t.test('C11: one member of staff stops a restore, once', async (t) => {
  const person = await waiting()
  const form = await one.go(`${path(person)}/veto-restore`)
  t.match(form.text, 'The password stays as it is.')
  t.notMatch(form.text, 'A second person')
  t.match(factOf(form, 'Opened by'), 'Email', 'the form shows the restore')
  const press = () => one.submit(form, '/veto-restore', { reason: 'the customer did not ask' })
  const pages = await Promise.all([press(), press()])
  for (const page of pages) t.equal(titleOf(page), `The restore of ${person.code} is stopped`)
  t.equal(pages[0]?.url, pages[1]?.url)
  const home = await one.go(path(person))
  t.match(factOf(home, 'Stopped by'), 'Staff')
  t.notMatch(home.text, 'Wait ended', 'it was stopped before')
  t.notMatch(home.text, 'Stop the restore')
  t.match(home.text, /Waiting restore stopped.*by staff-1.*the customer did not ask/s, 'in the history')
  t.match((await one.go(`${path(person)}/veto-restore`)).text, 'No restore of this customer waits.')
})

t.test('S53, S58: the end of a wait is asked for after a verification by another way, and approved', async (t) => {
  const person = await waiting()
  const url = `${path(person)}/end-wait`
  const before = await one.go(url)
  t.match(before.text, 'You have not verified who is calling.')
  t.match(before.text, 'verify by another way than email')
  t.match(before.text, `href="${path(person)}/verify"`)
  t.notMatch(before.text, 'name="reason"', 'no form that cannot be sent')

  const choice = await one.go(`${path(person)}/verify`)
  t.match(choice.text, 'verify by another way than email')
  const ways = [...choice.text.matchAll(/name="channel" value="(\w+)"[^>]*?( checked)?>/g)]
  t.same(
    ways.map(([, way]) => way),
    ['sms', 'otp', 'email'],
  )
  t.match(ways[0]?.[2], 'checked', 'the way that opened it is not the one that is offered first')
  const byMail = await one.submit(choice, '/verify', { channel: 'email' })
  const [{ code = '' } = {}] = await readVerifications(rekey, person.email)
  await one.submit(byMail, '/verify/', { code })
  t.match((await one.go(url)).text, 'You have not verified who is calling.', 'the mailbox opened it')

  t.equal((await verifyByApp(person)).url, `${rekey.url}${path(person)}`)
  const form = await one.go(url)
  t.match(form.text, 'You verified this customer.')
  t.match(form.text, 'A second person must approve this before it happens.')
  const asked = await one.submit(form, '/end-wait', { reason: 'flight tonight' })
  t.equal(titleOf(asked), 'A second person must approve it')
  t.match((await one.go(url)).text, 'staff-1 asked for this already')
  t.match((await one.go(approvalIn(asked))).text, 'You asked for this yourself')

  const approval = await other.go(`${approvalIn(asked)}/approve`)
  t.match(factOf(approval, 'Customer verified'), 'Yes')
  t.match(approval.text, 'flight tonight')
  const done = await other.submit(approval, '/approve', { reason: 'heard the call' })
  t.equal(titleOf(done), `Approved: End the wait of a restore: ${person.code}`)
  const home = await one.go(path(person))
  t.match(factOf(home, 'Restore'), 'Password can be set')
  t.match(factOf(home, 'Wait ended'), 'ended early by staff')
  t.match(factOf(home, 'Last notice'), 'Of the early end')
  t.match(home.text, /Wait of a restore ended early.*by staff-1, approved by staff-2.*flight tonight/s)
  t.match((await one.go(url)).text, 'The wait has ended already')
  t.equal((await setPassword(await restoreGrant(rekey, person))).status, 204, 'the customer sets a password')
  t.match(factOf(await one.go(path(person)), 'Restore'), 'Password set')
})

t.test('S58: an approval that comes after a veto says that nothing waits', async (t) => {
  const person = await waiting()
  await verifyByApp(person)
  const form = await one.go(`${path(person)}/end-wait`)
  const asked = await one.submit(form, '/end-wait', { reason: 'flight tonight' })
  const approval = await other.go(`${approvalIn(asked)}/approve`)
  const stop = await other.go(`${path(person)}/veto-restore`)
  await other.submit(stop, '/veto-restore', { reason: 'the customer called back' })
  t.match(await other.submit(approval, '/approve', { reason: 'agreed' }), { status: 409, text: 'No restore waits' })
})
