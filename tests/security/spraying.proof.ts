import type { TestCustomer } from '@rekey/test-support/customers'
import { messageAfter } from '@rekey/test-support/flows'
import type { Answer, Http } from '@rekey/test-support/http'
import { patiently } from '@rekey/test-support/patiently'
import t from 'tap'
import { allowed, isRefused, pool, startLimited, type Visitor } from './limited.ts'
import { nobody } from './requests.ts'

const { rekey, wiretap, newCustomer, visitor, newAddress, countOf, traces } = await startLimited(t)

const total = 10_000
const places = 50

interface Spray {
  action: string
  allowance: number
  /** Of those that are let through, how many at a time. */
  atFirst: number
  send(visitor: Visitor, email: string): Promise<Answer>
  /** Begins something for a customer. @returns how it ends later: with a 200 */
  begin(customer: TestCustomer): Promise<() => Promise<Answer>>
}

/** Of the message that belongs to the answer: one that was answered 503 may have led to a message too. */
const codeOf = async ({ email }: TestCustomer, http: Http, send: () => Promise<Answer>) =>
  (await messageAfter({ http, inbox: rekey.inbox }, email, () => patiently(send))).confirmation

const sprays: Spray[] = [
  {
    action: 'login',
    allowance: allowed.REKEY_LIMIT_LOGIN_ALL,
    // More passwords than two cores can hash are refused, whosever they are; those over the limit cost no hash.
    atFirst: 1,
    send: ({ a4 }, email) => a4(email, 'Spring2026!'),
    async begin(customer) {
      const { a4, a4b, http } = visitor(newAddress())
      const { mfa_token, challenge_type } = (await a4(customer.email, customer.password)).body
      return async () => {
        const code = await codeOf(customer, http, () => a4b(mfa_token, String((challenge_type as string[])[0])))
        return http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token, code })
      }
    },
  },
  {
    action: 'code',
    allowance: allowed.REKEY_LIMIT_CODE_ALL,
    atFirst: places,
    send: ({ a1 }, email) => a1(email),
    async begin(customer) {
      const { http, a1, a2, resend } = visitor(newAddress())
      const { mfa_token } = (await a1(customer.email)).body
      return async () => a2(mfa_token, await codeOf(customer, http, () => resend(mfa_token, customer.email)))
    },
  },
]

for (const { action, allowance, atFirst, send, begin } of sprays) {
  t.test(`S35 spraying ${total} accounts from an address each is noticed, told and refused: ${action}`, async (t) => {
    const [old, fresh] = [await newCustomer(), await newCustomer()]
    const end = await begin(old)
    const start = performance.now()
    const spray = () => send(visitor(newAddress()), nobody())
    const first = await pool(allowance + places, atFirst, spray)
    const later = await pool(total - first.length, places, spray)
    const ms = Math.round(performance.now() - start)
    const refused = [...first, ...later].filter(isRefused).length
    // What was answered 503 was given back: another may have come through in its place.
    const away = [...first, ...later].filter(({ status }) => status === 503).length
    const through = total - refused - away
    t.comment(`${total} accounts in ${ms} ms, of which ${through} were let through, and ${away} answered 503`)
    t.ok(through > 0 && through <= allowance)
    t.ok(later.filter((answer) => !isRefused(answer)).length <= away, 'once noticed, all')
    t.ok(isRefused(await send(visitor(newAddress()), fresh.email)), 'no other account begins anything')
    t.equal((await end()).status, 200, 'what was begun goes on')

    const { event, told, isToldOnce } = await traces(action, 'all')
    t.ok(isToldOnce)
    t.match(event, { allowance, clientId: 'ib_localhost' })
    t.match(told[0], { severity: 'warn', allowance, clientId: 'ib_localhost' })
    t.equal(await countOf(action, 'all'), refused + 1)
    await wiretap.allDealtWith()
    t.same(await rekey.inbox.messagesTo(fresh.email), [])
  })
}
