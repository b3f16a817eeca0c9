import type { TestCustomer } from '@rekey/test-support/customers'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import { byHttp, contest, micros, perSecond, ratioOf } from '../harness/rounds.ts'
import { customersOf, histories, ours, page, sizesFor, startFloor, startOurs } from './contestants.ts'

const figures = [
  { name: 'history-cpu', what: 'B8, processor time of all parts ÷ floor of one hop', goal: { atMost: 4 } },
  { name: 'history-rate', what: 'B8, requests/s ÷ floor of two hops', goal: { atLeast: 0.7 } },
] satisfies Figure[]

/** B7: each gets one record. @throws Error if the service refuses one */
export const addOneRecordEach = async ({ url, facts }: Contestant, customers: TestCustomer[]) => {
  if (facts.hasRecords) return
  facts.hasRecords = true
  for (const { id } of customers) {
    const answer = await fetch(`${url}/api/v2/clients/${id}/password`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${facts.staffToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ password: 'chosen by the back office', send_mail: false }),
    })
    if (answer.status !== 204) throw new Error(`B7 was answered ${answer.status}: ${await answer.text()}`)
  }
}

/** Customers with a record. They sign in no more: no other group uses the last ones. */
export const withRecord = (contestant: Contestant) => customersOf(contestant).slice(-20)

export const history: Group = {
  name: 'history',
  what: "a customer's history of one record, as staff read it through the gateway (B8)",
  figures,
  async run(bench: Bench) {
    const contestant = await startOurs(bench)
    await addOneRecordEach(contestant, withRecord(contestant))
    const floorRequests = [{ method: 'GET' as const, path: '/api/v2/clients/1/password/changes' }]
    const entries = [
      byHttp(bench, { contestant, requests: histories(contestant, withRecord(contestant)), expected: page }),
      ...(await Promise.all(
        (['history', 'history forward'] as const).map(async (floor) =>
          byHttp(bench, {
            contestant: await startFloor(bench, floor),
            requests: floorRequests,
            expected: page,
          }),
        ),
      )),
    ]
    const samples = await contest(entries, sizesFor(bench), bench)
    return {
      contests: [{ title: 'B8', samples }],
      figures: {
        'history-cpu': ratioOf(samples, [ours, 'floor history'], micros),
        'history-rate': ratioOf(samples, [ours, 'floor history forward'], perSecond),
      },
    }
  },
}
