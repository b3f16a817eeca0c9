import { createCustomer, sql } from '@rekey/test-support/customers'
import { wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor, problemOf, titleOf, verificationOf } from '@rekey/test-support/visitor'
import { Redis } from 'ioredis'
import t from 'tap'

const rekey = await startRekey(t)
const { inbox } = rekey
/** A browser of a customer. */
const visit = () => createVisitor(rekey.http)

t.test('each button that is pressed twice at once does once, and both presses see the result', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  const submitTwice = async (page: Parameters<typeof visitor.submit>[0], input: object, action?: string) => {
    const [one, other] = await Promise.all([0, 1].map(() => visitor.submit(page, { ...input }, action)))
    if (!one || !other) throw new Error('no answer')
    t.equal(titleOf(one), titleOf(other))
    t.equal(verificationOf(one), verificationOf(other), 'one challenge')
    return one
  }
  const linesOf = (event: string) => rekey.logs.filter((line) => line.includes(`"event":"${event}"`)).length
  const [sent, failed, proven] = ['authn_challenge_sent', 'authn_challenge_fail', 'authn_challenge_success'].map(
    linesOf,
  )

  const page = await submitTwice(await visitor.open('/restore'), { username: customer.email })
  const confirmation = await confirmationFor(inbox, page, customer.email)
  t.equal((await inbox.messagesTo(customer.email)).length, 1)
  const wrong = await submitTwice(page, { code: wrongCode(confirmation) })
  t.match(problemOf(wrong), 'This code is not correct')
  t.equal(linesOf('authn_challenge_fail') - (failed ?? 0), 1, 'one failed attempt')
  await submitTwice(page, { code: wrongCode(confirmation) })
  t.equal(linesOf('authn_challenge_fail') - (failed ?? 0), 1, 'a page that was left open counts nothing again')
  await submitTwice(wrong, { code: wrongCode(confirmation) })
  t.equal(linesOf('authn_challenge_fail') - (failed ?? 0), 2, 'a new press of the same wrong code counts')
  rekey.clock.advance(60_000)
  const resent = await submitTwice(wrong, {}, '/resend')
  t.equal(linesOf('authn_challenge_sent') - (sent ?? 0), 2, 'one code to begin, one again')
  const password = await submitTwice(resent, { code: await confirmationFor(inbox, resent, customer.email) })
  t.equal(linesOf('authn_challenge_success') - (proven ?? 0), 1)
  const done = await submitTwice(password, { password: 'four words of mine' })
  t.equal(titleOf(done), 'Your password is changed')
  t.notMatch(done.text, 'class="notice"')
  const [{ count } = { count: 0 }] = await sql<{ count: number }>(
    rekey.postgres.url,
    'SELECT count(*)::int FROM password_change WHERE customer_id = $1',
    [customer.id],
  )
  t.equal(count, 1, 'the password was set once')
})

t.test('S40: a state that was changed or moved in Redis does not exist', async (t) => {
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.disconnect())
  const before = new Set(await redis.keys('*:page:restore'))
  const visitor = visit()
  await visitor.askCode('nobody@example.com')
  const own = visitor.at()
  const other = visit()
  await other.askCode('nobody@example.com')
  const [first = '', second = ''] = (await redis.keys('*:page:restore')).filter((key) => !before.has(key))
  for (const key of [first, second]) {
    t.same(Object.keys(await redis.hgetall(key)).toSorted(), ['presses', 'sealed'])
    t.ok((await redis.pttl(key)) > 0)
  }
  const stored = [await redis.hget(first, 'sealed'), await redis.hget(second, 'sealed')]
  await redis.hset(first, 'sealed', stored[1] ?? '')
  await redis.hset(second, 'sealed', stored[0] ?? '')
  t.equal((await visitor.open(own)).status, 404)
  t.equal((await other.open(other.at())).status, 404)
})
