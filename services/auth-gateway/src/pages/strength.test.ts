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

t.test('no password takes long to estimate', async (t) => {
  const slow = ['aB3', '12', 'p@$$w0rd', '4@8({[<3€6&1!|709$5+7%2', 'Kj8!x@Lm$2Qz&7Rt9#Vb(3'].map((text) =>
    text.repeat(60),
  )
  await strengthOf('warm', '')
  for (const password of slow) {
    const before = process.cpuUsage()
    await strengthOf(password, 'maria@example.com')
    const { user } = process.cpuUsage(before)
    // Twenty times what it takes: processor time of this process, not of a busy machine.
    t.ok(user < 400_000, `${password.slice(0, 10)}: ${user} µs`)
  }
})
