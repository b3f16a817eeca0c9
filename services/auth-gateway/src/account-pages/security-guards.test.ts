import { createCustomer, sql } from '@rekey/test-support/customers'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, problemOf, titleOf } from '@rekey/test-support/visitor'
import { Redis } from 'ioredis'
import t from 'tap'
import { createProver } from '../second-proofs/second-proofs.fixture.ts'
import { signInToAccount } from './account.fixture.ts'
import {
  askProof,
  codesOn,
  listByApp,
  listByEmail,
  nextCode,
  secretOf,
  securityPath,
  signInByApp,
} from './security.fixture.ts'

const rekey = await startRekey(t)
const { enrolled } = createProver(rekey)
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())
const newCustomer = () => createCustomer(rekey.postgres.url)

t.test('S40: Redis has neither the secret of an app nor recovery codes in plain text', async (t) => {
  const person = await enrolled()
  const { visitor, page } = await listByApp(rekey, person)
  const app = await visitor.submit(await visitor.submit(page, {}, '/add'), { label: 'x' }, '/name')
  const secrets = [secretOf(app)]
  const search = async () => {
    for (const key of await redis.keys('*:page:account')) {
      const stored = JSON.stringify(await redis.hgetall(key))
      for (const secret of secrets) t.notOk(stored.includes(secret), key)
    }
  }
  await search()
  const list = await visitor.open(`${securityPath}/list`)
  const shown = await visitor.submit(await visitor.submit(list, {}, '/issue'), {}, '/codes')
  secrets.push(...codesOn(shown))
  t.equal(secrets.length, 11)
  await search()
})

t.test('S57: before the proof no method is named, and one proof permits one change', async (t) => {
  const person = await enrolled()
  const visitor = await signInByApp(rekey, person)
  const start = await visitor.open(`${securityPath}/list`)
  t.equal(visitor.at(), securityPath)
  t.notMatch(start.text, /authenticator|recovery/i)
  for (const [path, input] of Object.entries({
    name: { label: 'x' },
    app: { factor: '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11', code: '000000' },
    codes: {},
    removal: { factor: '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11' },
    remove: { factor: '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11' },
    'codes-saved': {},
  })) {
    const page = await visitor.post(`${securityPath}/${path}`, {
      ...visitor.formOf(start, securityPath).fields,
      ...input,
    })
    t.equal(titleOf(page), 'Security', path)
    t.equal(visitor.at(), securityPath, `${path} does nothing without a proof`)
  }
  const asked = await visitor.submit(start, {}, securityPath)
  const list = await visitor.submit(asked, { code: person.nextOtp() }, '/code')
  const shown = await visitor.submit(await visitor.submit(list, {}, '/issue'), {}, '/codes')
  const spent = await visitor.submit(shown, {}, '/codes-saved')
  t.match(spent.text, 'Before each change you confirm again')
  t.equal(titleOf(await visitor.submit(spent, {}, '/removal')), 'Enter the code from your app')
})

t.test('S5: five wrong codes end the proof, and the page says whom to call', async (t) => {
  const person = await enrolled()
  const visitor = await signInByApp(rekey, person)
  let page = await askProof(visitor)
  for (let count = 0; count < 5; count += 1) page = await visitor.submit(page, { code: '000000' }, '/code')
  t.equal(titleOf(page), 'Please start again')
  t.match(page.text, 'too many wrong codes')
})

t.test('a proof that has ended is asked for again, and codes are hidden', async (t) => {
  const person = await enrolled()
  const { visitor, page } = await listByApp(rekey, person)
  const shown = await visitor.submit(await visitor.submit(page, {}, '/issue'), {}, '/codes')
  t.equal(codesOn(shown).length, 10)
  rekey.clock.advance(601_000)
  const hidden = await visitor.open(visitor.at())
  t.match(hidden.text, 'Your recovery codes are no longer shown.')
  t.same(codesOn(hidden), [])
  t.equal(titleOf(await visitor.open(securityPath)), 'Security')
  const asked = await askProof(visitor)
  rekey.clock.advance(601_000)
  const late = await visitor.submit(asked, { code: person.nextOtp() }, '/code')
  t.match(late.text, 'Please confirm again.')
  t.equal(titleOf(await askProof(visitor)), 'Enter the code from your app')
})

t.test('a second tab confirms no app and removes no method that it does not show', async (t) => {
  const customer = await newCustomer()
  const { visitor, page } = await listByEmail(rekey, customer)
  const first = await visitor.submit(await visitor.submit(page, {}, '/add'), { label: 'one' }, '/name')
  const tab = await visitor.open(`${securityPath}/list`)
  const second = await visitor.submit(await visitor.submit(tab, {}, '/add'), { label: 'two' }, '/name')
  t.equal(titleOf(second), 'Connect your app')
  t.not(secretOf(first), secretOf(second))
  const code = nextCode(rekey, secretOf(first))
  const after = await visitor.submit(first, { code }, '/app')
  t.equal(secretOf(after), secretOf(second), 'the first tab gets the page of the second')
  t.equal(problemOf(after), '')
  const added = await visitor.submit(second, { code: nextCode(rekey, secretOf(second)) }, '/app')
  t.equal(titleOf(added), 'Your app is connected')
})

t.test('without a sign-in, and with a temporary password, nothing of it is reached', async (t) => {
  t.equal(titleOf(await createVisitor(rekey.http).open(securityPath)), 'Sign in')
  const stranger = createVisitor(rekey.http)
  t.equal(titleOf(await stranger.open(`${securityPath}/list`)), 'Sign in')
  t.equal(stranger.at(), '/account/sign-in?next=security', 'it leads back after the sign-in')
  const customer = await newCustomer()
  await sql(rekey.postgres.url, 'UPDATE credential SET must_change = true WHERE customer_id = $1', [customer.id])
  const { visitor, page } = await signInToAccount(rekey, customer)
  t.equal(titleOf(page), 'Choose a new password')
  t.equal(titleOf(await visitor.open(securityPath)), 'Choose a new password')
  const { csrf = '', turn = '' } = visitor.formOf(page, '/new').fields
  t.equal(titleOf(await visitor.post(securityPath, { csrf, turn })), 'Choose a new password')
  t.equal(titleOf(await visitor.post(`${securityPath}/add`, { csrf, turn })), 'Choose a new password')
})

t.test('S31: bad input gets a page with a clear status, never JSON or an internal error', async (t) => {
  const { visitor, page } = await listByEmail(rekey, await newCustomer())
  const { csrf = '', turn = '' } = visitor.formOf(page, '/add').fields
  const factor = '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11'
  const bodies = [
    {},
    { csrf },
    { csrf, turn: '-1' },
    { csrf, turn, factor: 'x', way: 'x', code: 'x' },
    { csrf, turn, factor: '../../clients', code: '\u0000', label: '\u0000' },
    { csrf, turn, factor, code: 'x'.repeat(5_000), label: 'x'.repeat(5_000) },
    { csrf, turn, __proto__: 'x', 'a[]': 'x' },
  ]
  const posts = [
    'way',
    'other',
    'code',
    'resend',
    'name',
    'app',
    'removal',
    'remove',
    'codes-saved',
    'codes-file',
    'add',
  ]
  for (const path of posts) {
    for (const body of bodies) {
      const answer = await visitor.post(`${securityPath}/${path}`, body as Record<string, string>)
      // 503: the machine is busy with other work.
      t.ok(answer.status < 500 || answer.status === 503, `${path} ${JSON.stringify(body)}: ${answer.status}`)
      t.match(answer.headers.get('content-type'), 'text/html', path)
    }
  }
  for (const path of ['start', 'nothing', '__proto__', 'list/x']) {
    const answer = await visitor.open(`${securityPath}/${path}`)
    t.ok(answer.status < 500, `${path}: ${answer.status}`)
    t.match(answer.headers.get('content-type'), 'text/html', path)
  }
})
