import type { TestCustomer } from '@rekey/test-support/customers'
import { verificationBody } from '@rekey/test-support/flows'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import { askForCodes } from '../harness/codes.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { Expected } from '../harness/protocol.ts'
import { byHttp, contest, type Entry, perSecond, ratioOf } from '../harness/rounds.ts'
import { challenge, customersOf, ours, post, restoreRequests, sizesFor, startFloor, startOurs } from './contestants.ts'

const figures = [
  { name: 'a2-rate', what: 'A2, requests/s ÷ floor', goal: { atLeast: 0.75 } },
  { name: 'b6-rate', what: 'B6, requests/s ÷ floor', goal: { atLeast: 0.75 } },
] satisfies Figure[]

const token: Expected = { status: 200, fields: { token: 'string', provider: 'string', expiresAt: 'string' } }
const successToken: Expected = { status: 200, fields: { successToken: 'string', expiresAt: 'string' } }

/** A1 for each customer, then the requests of A2. */
export const verificationsFor = async ({ load }: Bench, { url }: Contestant, customers: TestCustomer[]) => {
  const emails = customers.map(({ email }) => email)
  const asked = await askForCodes(load, { url, requests: restoreRequests(emails), expected: challenge }, emails)
  return asked.map(({ answer, code }) =>
    post('/oauth/v2/passwordRestoreVerification', verificationBody(JSON.parse(answer.body).mfa_token, code)),
  )
}
export const signToken: Expected = { status: 200, fields: { sign_token: 'string', state: 'string' } }

/** B5b for each customer, then the requests of B6. */
const answersFor = async ({ load }: Bench, { url }: Contestant, customers: TestCustomer[]) => {
  const emails = customers.map(({ email }) => email)
  const requests = emails.map((email) => ({
    method: 'GET' as const,
    path: `/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=${encodeURIComponent(email)}`,
  }))
  const asked = await askForCodes(load, { url, requests, expected: token }, emails)
  return asked.map(({ answer, code }) =>
    post('/api/v2/my/2fa/challenge', { token: JSON.parse(answer.body).token, code }),
  )
}

const floorRequests = Array.from({ length: 100 }, (_, index) =>
  post('/answer', { token: `token ${index}`, code: '123456' }),
)

export const codes: Group = {
  name: 'codes',
  what: 'right codes (A2, B6)',
  figures,
  async run(bench: Bench) {
    const contestant = await startOurs(bench)
    const customers = customersOf(contestant)
    const floor = byHttp(bench, {
      contestant: await startFloor(bench, 'answer'),
      requests: floorRequests,
      expected: successToken,
      times: 4,
    })
    const sizes = sizesFor(bench, bench.quick ? 0.3 : 0.19)
    const against = async (entry: Entry) => contest([entry, floor], sizes, bench)
    const a2 = await against(
      byHttp(bench, {
        contestant,
        requests: (amount) => verificationsFor(bench, contestant, customers.slice(0, amount)),
        expected: signToken,
      }),
    )
    const b6 = await against(
      byHttp(bench, {
        contestant,
        requests: (amount) => answersFor(bench, contestant, customers.slice(0, amount)),
        expected: successToken,
      }),
    )
    return {
      contests: [
        { title: 'A2', samples: a2 },
        { title: 'B6', samples: b6 },
      ],
      figures: {
        'a2-rate': ratioOf(a2, [ours, 'floor answer'], perSecond),
        'b6-rate': ratioOf(b6, [ours, 'floor answer'], perSecond),
      },
    }
  },
}
