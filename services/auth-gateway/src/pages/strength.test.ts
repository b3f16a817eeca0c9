import t from 'tap'
import { strengthOf } from './strength.ts'

t.test(
  'a password that is common, a pattern, or the customer’s own name is weak; unrelated words are strong',
  async (t) => {
    const username = 'maria.fernandez@example.com'
    const expected: [password: string, least: number, most: number][] = [
      ['', 0, 0],
      ['password', 0, 0],
      ['p@ssw0rd1', 0, 1],
      ['qwertyuiop', 0, 1],
      ['1234567890123456', 0, 1],
      [username, 0, 1],
      ['fernandez1', 0, 1],
      ['violet kettle paper moon', 4, 4],
      ['Пароль из четырёх слов', 3, 4],
      ['\u{1F511}'.repeat(40), 0, 4],
      ['4@8({[<3€6&1!|709$5+7%2'.repeat(5), 3, 4],
    ]
    for (const [password, least, most] of expected) {
      const score = await strengthOf(password, username)
      t.ok(score >= least && score <= most, `${password}: ${score}`)
    }
  },
)

t.test('a password that repeats a username of any length is weak', async (t) => {
  for (const username of [
    'maria@example.com',
    't2943479d6e4c4d3785c12e4a3764fffc@example.com',
    `${'long.'.repeat(20)}@example.com`,
  ]) {
    t.ok((await strengthOf(`${username}1`, username)) <= 1, username)
  }
})

t.test('a long password is estimated by its first 32 characters', async (t) => {
  const common = 'password'.repeat(4)
  t.equal(await strengthOf(`${common}violet kettle paper moon`, ''), await strengthOf(common, ''))
  const start = 'violet kettle paper moon-lantern'
  t.equal(start.length, 32)
  t.equal(await strengthOf(`${start}${'p@$$w0rd'.repeat(60)}`, ''), await strengthOf(start, ''))
})
