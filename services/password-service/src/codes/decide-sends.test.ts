import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decideSends, type Standing } from './decide-sends.ts'

const at = new Date('2026-11-26T09:30:00Z')
const rules = { allowance: 3, at, scale: 1 }

/** Few values, so that codes repeat and share quotas. */
const asked = fc.array(
  fc.record({
    customerId: fc.constantFrom(1, 2, null),
    network: fc.constantFrom('a', 'b'),
    code: fc.integer({ min: 1, max: 6 }),
    isBlocked: fc.boolean(),
    isBusy: fc.boolean(),
    failures: fc.constantFrom(0, 9, 10),
  }),
  { maxLength: 30 },
)
const counted = fc.uniqueArray(fc.integer({ min: 1, max: 6 }))

type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never

const usedOf = (quota: string, countedCodes: string[]) =>
  countedCodes.filter((code) => code.startsWith(`${quota} `)).length

/** As the database gives them: the used quota once, and one code has one quota. */
const toStandings = (all: Asked, countedNumbers: number[]): Standing[] => {
  const seen = new Set<string>()
  const quotas = new Set(all.map(({ customerId, network }) => `${customerId} ${network}`))
  const countedCodes = [...quotas].flatMap((quota) => countedNumbers.map((number) => `${quota} ${number}`))
  return all.map(({ customerId, network, code, isBlocked, isBusy, failures }) => {
    const quota = `${customerId} ${network}`
    return {
      customerId,
      isBusy,
      isBlocked,
      failures: Array.from({ length: failures }, (_, index) => new Date(at.getTime() - 1_000 - index)),
      quota,
      used: seen.size < seen.add(quota).size ? usedOf(quota, countedCodes) : null,
      isCounted: countedCodes.includes(`${quota} ${code}`),
      code: `${quota} ${code}`,
    }
  })
}

t.test(
  'S7: codes that do not fit into their quota are not sent, the last ones first; a repeat counts once',
  async (t) => {
    const property = fc.property(asked, counted, (all, countedNumbers) => {
      const standings = toStandings(all, countedNumbers)
      const verdicts = decideSends(standings, rules)
      for (const quota of new Set(standings.map((one) => one.quota))) {
        const places = standings.flatMap((one, place) =>
          one.quota === quota && ['send', 'limit'].includes(verdicts[place] ?? '') ? [place] : [],
        )
        const used = standings.find((one) => one.quota === quota && one.used !== null)?.used ?? 0
        const fresh = places.filter((place) => !standings[place]?.isCounted)
        const sent = new Set(fresh.filter((place) => verdicts[place] === 'send').map((place) => standings[place]?.code))
        const different = [...new Set(fresh.map((place) => standings[place]?.code))]
        deepStrictEqual([...sent], different.slice(0, Math.max(0, rules.allowance - used)))
        for (const place of places) {
          const { isCounted, code } = standings[place] as Standing
          deepStrictEqual(verdicts[place], isCounted || sent.has(code) ? 'send' : 'limit')
        }
      }
    })
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  },
)

t.test(
  'S6: a code is sent to nobody who is unknown, blocked or locked out, and waits for a busy customer',
  async (t) => {
    const property = fc.property(asked, counted, (all, countedNumbers) => {
      const verdicts = decideSends(toStandings(all, countedNumbers), rules)
      for (const [place, { customerId, isBusy, isBlocked, failures }] of all.entries()) {
        const expected = isBusy
          ? ['busy']
          : customerId === null
            ? ['unreachable']
            : isBlocked
              ? ['blocked']
              : failures === 10
                ? ['lockout']
                : ['send', 'limit']
        deepStrictEqual(expected.includes(verdicts[place] ?? ''), true)
      }
    })
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  },
)

t.test('the used quota counts whichever code of the quota it is given with', async (t) => {
  const base = { isBusy: false, isBlocked: false, failures: [], quota: 'q', isCounted: false }
  const standings: Standing[] = [
    { ...base, customerId: null, used: 3, code: '1' },
    { ...base, customerId: 1, used: null, code: '2' },
  ]
  t.same(decideSends(standings, rules), ['unreachable', 'limit'])
})
