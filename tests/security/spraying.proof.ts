import type { TestCustomer } from '@rekey/test-support/customers'
import { addressOf, messageAfter } from '@rekey/test-support/flows'
import type { Answer, Http } from '@rekey/test-support/http'
import { patiently } from '@rekey/test-support/patiently'
import t from 'tap'
import { unknownEmail } from './requests.ts'
import { isRefused, pool, quotas, startWithSmallQuotas, type Visitor } from './small-quotas.ts'

const { rekey, messageLog, newCustomer, visitor, newAddress, countOf, findExceeded } = await startWithSmallQuotas(t)

const total = 10_000
const places = 50

interface Spray {
  action: string
  quota: number
  /** Concurrency of the requests up to the quota. */
  atFirst: number
  send(visitor: Visitor, email: string): Promise<Answer>
  /** Begins a sign-in or restore of a customer. @returns finishes it, with a 200 */
  begin(customer: TestCustomer): Promise<() => Promise<Answer>>
}

/** The code of the message that belongs to the last answer: a request that got 503 may have sent one too. */
const codeOf = async (to: string, http: Http, send: () => Promise<Answer>) =>
  (await messageAfter({ http, inbox: rekey.inbox }, to, () => patiently(send))).confirmation

const sprays: Spray[] = [
  {
    action: 'login',
    quota: quotas.REKEY_LIMIT_LOGIN_ALL,
    // One at a time: parallel hashes would be refused as overload. Requests over the limit need no hash.
    atFirst: 1,
    send: ({ a4 }, email) => a4(email, 'Spring2026!'),
    async begin(customer) {
      const { a4, a4b, http } = visitor(newAddress())
      const { mfa_token, challenge_type } = (await a4(customer.email, customer.password)).body
      return async () => {
        const [device = ''] = challenge_type as string[]
        const code = await codeOf(addressOf(device, customer), http, () => a4b(mfa_token, device))
        return http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token, code })
      }
    },
  },
  {
    action: 'code',
    quota: quotas.REKEY_LIMIT_CODE_ALL,
    atFirst: places,
    send: ({ a1 }, email) => a1(email),
    async begin(customer) {
      const { http, a1, a2, resend } = visitor(newAddress())
      const { mfa_token } = (await a1(customer.email)).body
      return async () => a2(mfa_token, await codeOf(customer.email, http, () => resend(mfa_token, customer.email)))
    },
  },
]

for (const { action, quota, atFirst, send, begin } of sprays) {
  t.test(`S35 spraying ${total} accounts from an IP each is refused, logged and published: ${action}`, async (t) => {
    const [old, fresh] = [await newCustomer(), await newCustomer()]
    const end = await begin(old)
    const start = performance.now()
    const spray = () => send(visitor(newAddress()), unknownEmail())
    const first = await pool(quota + places, atFirst, spray)
    const later = await pool(total - first.length, places, spray)
    const ms = Math.round(performance.now() - start)
    const refused = [...first, ...later].filter(isRefused).length
    // A 503 refunds its quota: another request may have been let through in its place.
    const unavailable = [...first, ...later].filter(({ status }) => status === 503).length
    const through = total - refused - unavailable
    t.comment(`${total} accounts in ${ms} ms, of which ${through} were let through, and ${unavailable} answered 503`)
    t.ok(through > 0 && through <= quota)
    t.ok(
      later.filter((answer) => !isRefused(answer)).length <= unavailable,
      'once the quota is used up every request is refused',
    )
    t.ok(
      isRefused(await send(visitor(newAddress()), fresh.email)),
      'a new sign-in or restore of any account is refused',
    )
    t.equal((await end()).status, 200, 'one that was begun before can be finished')

    const { event, logged, isReportedOnce } = await findExceeded(action, 'all')
    t.ok(isReportedOnce)
    t.match(event, { allowance: quota, clientId: 'ib_localhost' })
    t.match(logged[0], { severity: 'warn', allowance: quota, clientId: 'ib_localhost' })
    t.equal(await countOf(action, 'all'), refused + 1)
    await messageLog.allHandled()
    t.same(await rekey.inbox.messagesTo(fresh.email), [])
  })
}
