import { quantile } from 'simple-statistics'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import { spreadOf } from '../harness/rounds.ts'
import { challenge, customersOf, restoreRequests, startOurs } from './contestants.ts'

const rate = 200

const figures = [
  {
    name: 'mail-p99',
    what: `milliseconds from a restore request to the mail's hand-over, p99 at ${rate}/s, with the pause of S12`,
    goal: { atMost: 450 },
  },
] satisfies Figure[]

/** Milliseconds from each request to its mail. @throws Error if an answer is wrong */
const measure = async ({ load }: Bench, contestant: Contestant, seconds: number) => {
  const customers = customersOf(contestant).slice(0, rate * seconds)
  const amount = rate * seconds
  await load.keepMails(true)
  await load.takeMails()
  const before = await load.mailCount()
  const { wrong, sentMs = [] } = await load.run({
    url: contestant.url,
    requests: restoreRequests(customers.map(({ email }) => email)),
    expected: challenge,
    amount,
    connections: 50,
    rate,
    keepAnswers: true,
  })
  if (wrong.length > 0) return { wrong, times: [] }
  await load.untilMails(before + amount)
  await load.keepMails(false)
  const received = Map.groupBy(await load.takeMails(), ({ to }) => to)
  const times = customers.flatMap(({ email }, index) => {
    // A customer's mails are handed over in the order of the requests.
    const sent = sentMs.filter((_, request) => request % customers.length === index).toSorted((a, b) => a - b)
    const mails = (received.get(email) ?? []).map(({ receivedMs }) => receivedMs).toSorted((a, b) => a - b)
    return sent.map((at, turn) => (mails[turn] ?? Number.POSITIVE_INFINITY) - at)
  })
  return { wrong, times }
}

export const mailTime: Group = {
  name: 'mail',
  what: "time from a restore request to its mail's hand-over",
  figures,
  async run(bench: Bench) {
    const contestant = await startOurs(bench)
    const seconds = bench.quick ? 3 : 10
    await measure(bench, contestant, 2)
    const quantiles: number[] = []
    for (let round = 0; round < bench.rounds; round += 1) {
      await contestant.untilIdle()
      const { wrong, times } = await measure(bench, contestant, seconds)
      if (wrong.length > 0) bench.voided(`round ${round + 1} of mail: ${wrong.join('; ')}`)
      else quantiles.push(quantile(times, 0.99))
    }
    return { figures: { 'mail-p99': spreadOf(quantiles) } }
  },
}
