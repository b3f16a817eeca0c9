import { setTimeout as delay } from 'node:timers/promises'
import { race } from '@rekey/test-support/flows'
import t from 'tap'
import { allowed, granted, startLimited } from './limited.ts'
import { compactToken, nobody } from './requests.ts'

const { rekey, wiretap, newCustomer, visitor, newAddress, traces } = await startLimited(t)

t.test('what one limit refuses is spent of no other', async (t) => {
  const [address, victim] = [newAddress(), await newCustomer()]
  await race(20, () => visitor(address).a1(nobody()))
  t.equal(granted(await race(30, () => visitor(address).a1(victim.email))), 0)
  t.equal(granted(await race(10, () => visitor(newAddress()).a1(victim.email))), 10)
  await wiretap.allDealtWith()
  t.equal((await rekey.inbox.messagesTo(victim.email)).length, 10)
})

t.test(
  'S7 S11 who asks for another’s codes again and again, by all ways, sends ten messages, and cannot see it',
  async (t) => {
    const bomb = async ({ email, phone }: { email: string; phone: string }) => {
      const first = await race(4, () => visitor(newAddress()).a1(email))
      const others = await race(32, (index) => {
        const { a1, b5b, page } = visitor(newAddress())
        const ways = [
          () => a1(email),
          () => b5b({ email }),
          () => page('begin', { username: email }),
          () => b5b({ phone }),
        ]
        return (ways[index % 4] ?? ways[0] ?? never)()
      })
      const token = others[2]?.text.match(compactToken)?.[0] ?? ''
      await delay(1_000)
      const again = await Promise.all([
        ...first.map(({ body }) => visitor(newAddress()).resend(body.mfa_token, email)),
        visitor(newAddress()).page('resend', { token, username: email, verification: '0000' }),
      ])
      return [...first, ...others, ...again].map(({ status }) => status)
    }
    const customer = await newCustomer()
    const statuses = await bomb(customer)
    t.same(statuses, Array(41).fill(200))
    t.same(await bomb({ email: nobody(), phone: `+4478${String(Date.now()).slice(-8)}` }), statuses)
    await wiretap.allDealtWith()
    const sent = [...(await rekey.inbox.messagesTo(customer.email)), ...(await rekey.inbox.messagesTo(customer.phone))]
    t.equal(sent.length, 10)
  },
)
const never = (): never => {
  throw new Error('no way')
}

t.test('wrong passwords of one account are counted wherever they come from, and right ones are not', async (t) => {
  const person = await newCustomer()
  for (let count = 0; count < 8; count += 1) {
    t.equal((await visitor(newAddress()).a4(person.email, person.password)).status, 200)
  }
  const guesses = []
  for (let count = 0; count < 7; count += 1) guesses.push(await visitor(newAddress()).a4(person.email, 'a guess'))
  t.same(
    guesses.map(({ status }) => status),
    [...Array(allowed.REKEY_LIMIT_LOGIN_ACCOUNT).fill(400), 429, 429],
  )
  const [, , , , , sixth] = guesses
  t.equal(sixth?.headers.get('ratelimit-limit'), '5')
  const { event, told } = await traces('login', 'account')
  t.match(event, { clientId: 'ib_localhost', account: /^[\w-]{43}$/ })
  t.match(told[0], { event: 'excess_rate_limit_exceeded', severity: 'warn', account: /^[\da-f]{16}$/ })
})

t.test('wrong passwords from one address do not keep the person at another from signing in', async (t) => {
  const person = await newCustomer()
  const guesser = visitor(newAddress())
  const guesses = []
  for (let count = 0; count < 6; count += 1) guesses.push(await guesser.a4(person.email, 'a guess'))
  t.same(
    guesses.map(({ status }) => status),
    [...Array(allowed.REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS).fill(400), 429, 429, 429],
  )
  t.equal((await guesser.a4(person.email, person.password)).status, 429)
  t.equal((await visitor(newAddress()).a4(person.email, person.password)).status, 200)
})
