import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { backOfficeToken } from '@rekey/test-support/flows'
import { recordRoutes } from '@rekey/test-support/registered-routes'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createDesk, formOf, titleOf } from './console.fixture.ts'

const routesOf = recordRoutes(t)
const rekey = await startRekey(t, { staffConsole: true, env: { REKEY_BACK_OFFICE_FOUR_EYES: 'true' } })

const signedIn = async (name: 'staff-1' | 'staff-2') => {
  const desk = createDesk(rekey)
  await desk.signIn(name, name === 'staff-1' ? '111111' : '222222')
  return desk
}
const [one, other] = [await signedIn('staff-1'), await signedIn('staff-2')]

const recordsOf = async ({ id }: { id: number }) => {
  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  const path = `/api/v2/clients/${id}/records`
  return (await rekey.http.get<{ data: Record<string, unknown>[] }>(path, { authorization })).body.data
}
const consoleRoutes = () => routesOf('GET /staff').filter((route) => / \/staff/.test(route))
const filled = (path: string) =>
  path
    .replace(':clientId', '1')
    .replace(/:(approvalId|jobId)/, '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11')
    .replace(':act', 'A'.repeat(22))
const isOpen = (route: string) => /\/staff\/(sign-in|sign-in\/start|callback|sign-out|signed-out)$/.test(route)

t.test('without a session every page leads to the sign-in, and back', async (t) => {
  const routes = consoleRoutes().filter((route) => !isOpen(route))
  t.ok(routes.length > 30, String(routes.length))
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ')
    const answer = await fetch(rekey.url + filled(path), { method, redirect: 'manual' })
    t.equal(answer.status, 303, route)
    const location = new URL(answer.headers.get('location') ?? '', rekey.url)
    t.equal(location.pathname, '/staff/sign-in')
    t.equal(location.searchParams.get('return'), filled(path))
    t.equal(location.searchParams.has('undone'), method === 'POST', route)
  }
})

t.test('the path of each form is a page too, so that a sign-in can return to it', async (t) => {
  const routes = consoleRoutes()
  for (const route of routes.filter((route) => route.startsWith('POST ')))
    t.ok(routes.includes(route.replace('POST', 'GET')), route)
})

t.test('S34, S38: a form of another site, or without the token of this browser, does nothing', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await one.go(`/staff/customers/${customer.id}/block`)
  const { action, fields } = formOf(page, '/block')
  const form = { ...fields, reason: 'a stolen phone' }
  const send = (body: Record<string, string>, headers: Record<string, string>) =>
    one.go(action, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(body).toString(),
    })
  const foreign = await send(form, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })
  t.equal(foreign.status, 403)
  for (const csrf of ['', formOf(await other.go('/staff'), '/staff/customers').fields.csrf ?? ''])
    t.match(await send({ ...form, csrf }, {}), { status: 400, text: 'This form is too old' })
  t.same(await recordsOf(customer), [])
})

t.test('a button that is pressed twice does once, and the way back says so', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await one.go(`/staff/customers/${customer.id}/block`)
  const press = () => one.submit(page, '/block', { reason: 'a stolen phone' })
  const pages = await Promise.all([press(), press(), press()])
  for (const done of [...pages, await press()]) {
    t.match(done, { status: 200, url: pages[0]?.url ?? '' })
    t.equal(titleOf(done), `${customer.code} is blocked`)
  }
  t.match(await recordsOf(customer), [{ operation: 'block', actorId: 'staff-1', reason: 'a stolen phone' }])
  t.equal((await recordsOf(customer)).length, 1)

  t.match(await one.go(page.url), { status: 200, text: 'You have done this already.' }, 'the way back')
  t.match(await one.go(pages[0]?.url ?? ''), { status: 200 }, 'a reload')
  t.match(await one.go(`/staff/customers/${customer.id}/block`), { text: 'The customer is blocked already.' })
  t.match(await other.go(pages[0]?.url ?? ''), { status: 404 }, 'another person')
})

t.test('an act needs a reason of one line; what was typed is kept', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await one.go(`/staff/customers/${customer.id}/reset`)
  for (const reason of ['', '   ', 'two\nlines', 'x'.repeat(501)]) {
    const answer = await one.submit(page, '/reset', { reason })
    t.match(answer, { status: 400, text: /aria-invalid="true"/ })
    if (reason.startsWith('x')) t.equal(formOf(answer, '/reset').fields.reason, reason)
  }
  t.same(await recordsOf(customer), [])
})

t.test('S41: the person who asked cannot decide, and the page says so before', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const form = await one.go(`/staff/customers/${customer.id}/reset`)
  t.match(form.text, 'A second person must approve this before it happens.')
  const waiting = await one.submit(form, '/reset', { reason: 'lost phone' })
  t.equal(titleOf(waiting), 'A second person must approve it')
  const path = /href="(\/staff\/approvals\/[^"]*)"/.exec(waiting.text)?.[1] ?? ''
  t.match(await one.go(`/staff/customers/${customer.id}/reset`), { text: 'staff-1 asked for this already' })

  const own = await one.go(path)
  t.match(own.text, 'You asked for this yourself')
  t.notMatch(own.text, `${path}/approve`)
  const others = await other.go(`${path}/approve`)
  t.match(others.text, 'lost phone')
  const { fields } = formOf(others, '/approve')
  const csrf = formOf(own, '/sign-out').fields.csrf ?? ''
  const forced = await one.post(`${path}/approve`, { ...fields, csrf, reason: 'my own' })
  t.match(forced, { status: 403, text: 'Another person must decide' })
  t.same(await recordsOf(customer), [])

  const approved = await other.submit(others, '/approve', { reason: 'seen the passport' })
  t.equal(titleOf(approved), `Approved: Demand a new password: ${customer.code}`)
  t.match(await recordsOf(customer), [
    { operation: 'reset', actorId: 'staff-1', approvedBy: 'staff-2', reason: 'lost phone' },
  ])
  t.match(await other.go(path), { text: 'seen the passport' })
  t.match(await other.submit(others, '/approve', { reason: 'again' }), { status: 200, url: approved.url })
  const late = {
    ...formOf(await other.go(`/staff/customers/${customer.id}/unblock`), '/unblock').fields,
    reason: 'late',
  }
  t.match(await other.post(`${path}/reject`, late), { status: 409, text: 'Too late' })
})

t.test('B7: a temporary password is set once another person approves, and is in no page again', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const path = `/staff/customers/${customer.id}/set-password`
  const form = await one.go(path)
  t.match(form.text, 'A second person must approve this before it happens.')
  const password = 'Temporary-4711'
  const typed = { password, send: 'mail', sure: 'yes', reason: 'passport seen' }
  const { fields } = formOf(form, '/set-password')
  const send = (input: object) =>
    one.post(form.url, { csrf: fields.csrf ?? '', act: fields.act ?? '', ...typed, ...input } as Record<string, string>)
  for (const [input, says] of [
    [{ password: '' }, 'Enter a temporary password.'],
    [{ send: '' }, 'is missing or malformed'],
    [{ reason: '' }, 'Enter a reason.'],
    [{ password: 'short' }, 'Use at least 8 characters.'],
    [{ password: customer.email }, 'Do not use the customer’s email'],
  ] as const) {
    const answer = await send(input)
    t.match(answer, { text: says }, says)
    t.ok([400, 422].includes(answer.status))
    if (input.password) t.notMatch(answer.text, `value="${input.password}"`)
  }
  const unchosen = await one.post(form.url, { csrf: fields.csrf ?? '', act: fields.act ?? '', password, reason: 'x' })
  t.match(unchosen.text, 'Choose how the customer gets it.')
  t.match(unchosen.text, 'First make sure who is calling')
  t.notMatch(unchosen.text, password)

  const [waiting, again] = await Promise.all([send({}), send({})])
  t.equal(titleOf(waiting), 'A second person must approve it')
  t.equal(again.url, waiting.url, 'a second press does nothing twice')
  t.match(await one.go(path), { text: 'staff-1 asked for this already' })
  const approval = /href="(\/staff\/approvals\/[^"]*)"/.exec(waiting.text)?.[1] ?? ''
  t.notMatch(waiting.text, password)
  const others = await other.go(`${approval}/approve`)
  t.match(others.text, 'Password sent by email')
  const approved = await other.submit(others, '/approve', { reason: 'called back' })
  t.equal(titleOf(approved), `Approved: Set a temporary password: ${customer.code}`)
  t.match(await recordsOf(customer), [
    { operation: 'set', actorId: 'staff-1', approvedBy: 'staff-2', reason: 'passport seen' },
  ])
  const mail = await eventually(
    async () => (await rekey.inbox.messagesTo(customer.email)).find(({ Text }) => Text.includes(password)),
    { what: 'the mail with the password' },
  )
  t.match(mail.Subject, 'temporary password')
  for (const service of ['auth-gateway', 'password-service', 'notifier'] as const)
    t.notMatch(JSON.stringify(await rekey.logOf(service)), password, 'S35')
})

t.test('B7: a customer without a confirmed email address cannot be mailed a password; the rest is kept', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await sql(rekey.postgres.url, `DELETE FROM identifier WHERE customer_id = $1 AND kind = 'email'`, [customer.id])
  const form = await one.go(`/staff/customers/${customer.id}/set-password`)
  const typed = { password: 'Temporary-4712', send: 'mail', sure: 'yes', reason: 'passport seen' }
  const answer = await one.submit(form, '/set-password', typed)
  t.match(answer, { status: 400, text: 'The customer has no confirmed email address.' })
  t.equal(formOf(answer, '/set-password').fields.reason, 'passport seen')
  const told = await one.submit(form, '/set-password', { ...typed, send: 'told' })
  t.equal(titleOf(told), 'A second person must approve it')
})

t.test('what staff read in the console is logged with their name', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await other.go(`/staff/customers/${customer.id}`)
  const reads = await eventually(async () => {
    const lines = await rekey.logOf('password-service')
    const found = lines.filter(({ event, actorId }) => event === 'back_office_read' && actorId === 'staff-2')
    return found.some((line) => JSON.stringify(line).includes(customer.code)) ? found : undefined
  })
  t.match(reads.at(-1), { actorId: 'staff-2', clientId: 'rekey-console' })
})

t.test('a search finds by address and code, and keeps what was typed', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const home = await one.go('/staff')
  for (const who of [
    customer.email,
    ` ${customer.email.toUpperCase()} `,
    customer.phone,
    customer.phone.replace('+', '00'),
    customer.code,
  ]) {
    const found = await one.submit(home, '/staff/customers', { who })
    t.equal(found.url, `${rekey.url}/staff/customers/${customer.id}`, who)
  }
  for (const [who, status] of [
    ['', 400],
    ['nobody@example.com', 404],
    ['a@b', 400],
    ['+1', 400],
    ['XX9', 404],
  ] as const) {
    const none = await one.submit(home, '/staff/customers', { who })
    t.equal(none.status, status, who)
    t.equal(formOf(none, '/staff/customers').fields.who, who)
  }
})

t.test('an error is a page with the next step', async (t) => {
  const missing = [
    '/staff/customers/999999',
    '/staff/approvals/019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11',
    `/staff/done/${'A'.repeat(22)}`,
  ]
  for (const path of missing) t.match(await one.go(path), { status: 404, text: /Find a customer/ }, path)
  t.equal((await one.go('/staff/customers/none')).status, 404)
  t.equal((await one.go('/staff/approvals?offset=-1')).status, 400)
  t.match((await one.go('/staff/customers/999999')).headers.get('content-type'), 'text/html')
})

t.test('a reset of all customers is a job whose progress is shown, and staff stay signed in', async (t) => {
  const waiting = await one.submit(await one.go('/staff/reset-all'), '/reset-all', { reason: 'leaked passwords' })
  const path = /href="(\/staff\/approvals\/[^"]*)"/.exec(waiting.text)?.[1] ?? ''
  const begun = await other.submit(await other.go(`${path}/approve`), '/approve', { reason: 'agreed' })
  const job = /href="(\/staff\/jobs\/[^"]*)"/.exec(begun.text)?.[1] ?? ''
  const ended = await eventually(
    async () => {
      const page = await one.go(job)
      return page.text.includes('Running') ? undefined : page
    },
    { what: 'the end of the job' },
  )
  t.match(ended, { status: 200, url: rekey.url + job, text: 'Done' })
  const progress = await one.request(job, { headers: { accept: 'application/json' } })
  t.match(await progress.json(), { isRunning: false, text: /^\d+ of \d+ customers$/ })
  t.match((await one.go('/staff/jobs')).text, /by staff-1, approved by staff-2.*leaked passwords/s)
  t.match(await one.go(`${job}/cancel`), { text: 'This job has ended.' })
})

t.test('S25: without the password-service an act is not done, and its reason is kept', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await one.go(`/staff/customers/${customer.id}/block`)
  await rekey.stop('password-service')
  t.match(await one.go('/staff/approvals'), { status: 503, text: 'No answer' })
  const failed = await one.submit(page, '/block', { reason: 'a stolen phone' })
  t.match(failed, { status: 503, text: 'The service did not answer.' })
  t.equal(formOf(failed, '/block').fields.reason, 'a stolen phone')
})
