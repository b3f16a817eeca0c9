import t from 'tap'
import { createContextWords } from './context-words.ts'

const isContextWord = createContextWords({
  brand: 'Acme Bank 24',
  publicUrl: 'https://login.acme-money.example:8443/x',
})
const usernames = ['John.Smith99@mail.example.org', '+447700900123', 'müller@bücher.example', 'zoë@x.io']

t.test(
  'S16 words about the service or the customer are refused, whatever digits and signs surround them',
  async (t) => {
    const passwords = [
      ...['AcmeBank24', 'acme bank!', 'Acme2026', '2026-ACME-2027', 'bank.bank.1', 'acmemoney1', '¡acme!2026'],
      ...[
        'John.Smith99@mail.example.org',
        'johnsmith',
        'john.smith99!',
        'J-o-h-n smith 1985',
        'Smith1985',
        'smithjohn',
      ],
      ...['smith@acme2026', 'mu\u0308ller1985', 'M\u00dcLLER1985', 'zoe\u0308-12345'],
      ...['+447700900123', '07700900123', '0044 7700 900 123', '7700900123!', '(07700) 900123-1'],
    ]
    for (const password of passwords) t.ok(isContextWord(password, usernames), password)
  },
)

t.test('S16 such words with any other letter are accepted', async (t) => {
  const passwords = [
    ...['my acme money', 'acme makes me rich', 'johnny smithers', 'smith the horse', 'bankrupt99', 'xacme2026'],
    ...['07700900124', 'call 07700900123', '12345678', '2026-2027', '!!!!!!!!', 'müllerin1985'],
  ]
  for (const password of passwords) t.notOk(isContextWord(password, usernames), password)
})

t.test("S16 another customer's name is accepted", async (t) => {
  t.equal(isContextWord('Smith1985', ['mary@example.org']), false)
  t.equal(isContextWord('Smith1985', []), false)
})

t.test('S16 a name of one or two letters is ignored', async (t) => {
  t.equal(isContextWord('xy123456', ['xy@a.io']), false)
  t.equal(isContextWord('xy@a.io', ['xy@a.io']), true, 'the whole address is')
})

t.test('a password of 16,000 characters is checked in less than a second', async (t) => {
  const started = performance.now()
  for (const password of ['acme'.repeat(4_000), '1'.repeat(16_000), 'a.'.repeat(8_000)])
    isContextWord(password, usernames)
  t.ok(performance.now() - started < 1_000)
})
