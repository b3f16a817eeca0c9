import t from 'tap'
import { errorsOf, proofsIn, render } from './security.ts'

const lines = [
  { number: 'S1', text: 'One | holds.' },
  { number: 'S2', text: 'Two holds.' },
]

t.test('tests are found by the numbers at the start of their titles', async (t) => {
  const text = [
    "t.test('S1 it’s one', async () => {})",
    'test(`S2: one of two`, () => {})',
    '  t.test(\n    "S1 S2 both",',
    "t.test('no number, S1', () => {})",
    "t.test('S10', () => {})",
  ].join('\n')
  t.same(
    proofsIn('a.test.ts', text).map(({ numbers }) => numbers),
    [['S1'], ['S2'], ['S1', 'S2']],
  )
})

t.test('a line without a test and a test of an unknown line are errors', async (t) => {
  const proofs = proofsIn('a.test.ts', "t.test('S1 holds', f); t.test('S9 holds', f)")
  t.same(errorsOf(lines, proofs), ['S2 has no test', 'a.test.ts: unknown line S9: S9 holds'])
})

t.test('the page lists each line, and below it each test', async (t) => {
  const page = render({ Codes: lines }, proofsIn('a.test.ts', "t.test('S1 holds', f)"))
  t.match(page, '| [S1](#s1) | One \\| holds. | 1 in 1 |')
  t.match(page, '| [S2](#s2) | Two holds. | 0 in 0 |')
  t.match(page, '- [a.test.ts](../a.test.ts)\n  - S1 holds')
})
