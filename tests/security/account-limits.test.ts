import { setTimeout as delay } from 'node:timers/promises'
import { race } from '@rekey/test-support/flows'
import t from 'tap'
import { unknownEmail } from './requests.ts'
import { countAllowed, quotas, startWithSmallQuotas } from './small-quotas.ts'

const { rekey, messageLog, newCustomer, visitor, newAddress, findExceeded } = await startWithSmallQuotas(t)

t.test('a request that one limit refuses spends no quota of the others', async (t) => {
  const [address, victim] = [newAddress(), await newCustomer()]
  await race(20, () => visitor(address).a1(unknownEmail()))
  t.equal(countAllowed(await race(30, () => visitor(address).a1(victim.email))), 0)
  t.equal(countAllowed(await race(10, () => visitor(newAddress()).a1(victim.email))), 10)
  await messageLog.allHandled()
  t.equal((await rekey.inbox.messagesTo(victim.email)).length, 10)
})

t.test(
  'S7 S11 requests for another’s codes by all endpoints send ten messages in all, and no answer shows the limit',
  async (t) => {
    const bomb = async ({ email, phone }: { email: string; phone: string }) => {
      const first = await race(4, () => visitor(newAddress()).a1(email))
      const browsers: ReturnType<ReturnType<typeof visitor>['pages']>[] = []
      const others = await race(32, (index) => {
        const { a1, b5b, pages } = visitor(newAddress())
        const browser = pages()
        browsers.push(browser)
        const endpoints = [() => a1(email), () => b5b({ email }), () => browser.askCode(email), () => b5b({ phone })]
        return (endpoints[index % 4] ?? endpoints[0] ?? never)()
      })
      await delay(1_000)
      const again = await Promise.all([
        ...first.map(({ body }) => visitor(newAddress()).resend(body.mfa_token, email)),
        browsers[2]?.submit(others[2] ?? never(), {}, '/resend') ?? never(),
      ])
      return [...first, ...others, ...again].map(({ status }) => status)
    }
    const customer = await newCustomer()
    const statuses = await bomb(customer)
    t.same(statuses, Array(41).fill(200))
    t.same(await bomb({ email: unknownEmail(), phone: `+4478${String(Date.now()).slice(-8)}` }), statuses)
    await messageLog.allHandled()
    const sent = [...(await rekey.inbox.messagesTo(customer.email)), ...(await rekey.inbox.messagesTo(customer.phone))]
    t.equal(sent.length, 10)
  },
)
const never = (): never => {
  throw new Error('no endpoint')
}

t.test('wrong passwords of an account count from any IP, right ones do not', async (t) => {
  const person = await newCustomer()
  for (let count = 0; count < 8; count += 1) {
    t.equal((await visitor(newAddress()).a4(person.email, person.password)).status, 200)
  }
  const guesses = []
  for (let count = 0; count < 7; count += 1) guesses.push(await visitor(newAddress()).a4(person.email, 'a guess'))
  t.same(
    guesses.map(({ status }) => status),
    [...Array(quotas.REKEY_LIMIT_LOGIN_ACCOUNT).fill(400), 429, 429],
  )
  const [, , , , , sixth] = guesses
  t.equal(sixth?.headers.get('ratelimit-limit'), '5')
  const { event, logged } = await findExceeded('login', 'account')
  t.match(event, { clientId: 'ib_localhost', account: /^[\w-]{43}$/ })
  t.match(logged[0], { event: 'excess_rate_limit_exceeded', severity: 'warn', account: /^[\da-f]{16}$/ })
})

t.test('wrong passwords from one IP do not lock the customer out at another', async (t) => {
  const person = await newCustomer()
  const guesser = visitor(newAddress())
  const guesses = []
  for (let count = 0; count < 6; count += 1) guesses.push(await guesser.a4(person.email, 'a guess'))
  t.same(
    guesses.map(({ status }) => status),
    [...Array(quotas.REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS).fill(400), 429, 429, 429],
  )
  t.equal((await guesser.a4(person.email, person.password)).status, 429)
  t.equal((await visitor(newAddress()).a4(person.email, person.password)).status, 200)
})
