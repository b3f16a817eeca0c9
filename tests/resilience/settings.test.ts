import t from 'tap'
import { readSettings } from './settings.ts'

t.test('by default a run is short and has a random seed', async (t) => {
  const settings = readSettings([])
  t.equal(settings?.minutes, 0.7)
  t.ok(Number.isInteger(settings?.seed))
  t.same(readSettings(['--minutes', '10', '--seed', '42']), { minutes: 10, seed: 42 })
  t.equal(readSettings(['--help']), undefined)
})

t.test('a wrong argument is refused with a message and the usage', async (t) => {
  const wrong: [string[], RegExp][] = [
    [['--minutes', 'ten'], /^--minutes must not be "ten"/],
    [['--minutes', '0'], /^--minutes must not be "0"/],
    [['--seed', '1.5'], /^--seed must not be "1.5"/],
    [['--seed', ''], /^--seed must not be ""/],
    [['--sead', '1'], /Unknown option '--sead'/],
    [['ten'], /Unexpected argument 'ten'/],
  ]
  for (const [args, message] of wrong) t.throws(() => readSettings(args), { message })
  t.throws(() => readSettings(['--minutes', 'ten']), /Usage: npm run resilience/)
})
