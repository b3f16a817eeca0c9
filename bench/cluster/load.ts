import type { TestCustomer } from '@rekey/test-support/customers'
import { restoreBody } from '@rekey/test-support/flows'
import { createSender, type Sent } from '../../tests/resilience/overload/offer.ts'

const kinds = ['A1, unknown', 'A1, known', 'B8'] as const
export type Kind = (typeof kinds)[number]

interface Answer {
  kind: Kind
  /** `performance.now()` when the answer was read. */
  at: number
  /** 0 without an answer. */
  status: number
  ms: number
}

const restores = '/oauth/v2/passwordRestore'

/** Closed-loop load: each of the connections sends its next request when the last is answered, until it is stopped. */
export const startLoad = (origin: string, people: readonly TestCustomer[], staffToken: string, connections: number) => {
  const { send, close } = createSender(origin)
  const answers: Answer[] = []
  let isOver = false
  let count = 0
  const requestOf: Record<Kind, (person: TestCustomer, index: number) => Sent> = {
    'A1, unknown': (_person, index) => ({
      method: 'POST',
      path: restores,
      body: restoreBody(`nobody.${index}@example.com`),
    }),
    'A1, known': ({ email }) => ({ method: 'POST', path: restores, body: restoreBody(email) }),
    B8: ({ id }) => ({
      method: 'GET',
      path: `/api/v2/clients/${id}/password/changes`,
      headers: { authorization: `Bearer ${staffToken}` },
    }),
  }
  const connect = async () => {
    while (!isOver) {
      const index = count++
      const kind = kinds[index % kinds.length] ?? 'B8'
      const person = people[index % people.length] as TestCustomer
      const { status, ms } = await send(requestOf[kind](person, index))
      answers.push({ kind, at: performance.now(), status, ms })
    }
  }
  const all = Promise.all(Array.from({ length: connections }, connect))
  return {
    /** Answers that were read since the time given. */
    since: (at: number) => answers.filter((answer) => answer.at >= at),
    async stop() {
      isOver = true
      await all
      close()
    },
  }
}

export type Load = ReturnType<typeof startLoad>
export { kinds }
