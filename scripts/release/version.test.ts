import fc from 'fast-check'
import t from 'tap'
import { checkVersion } from './version.ts'

const isAccepted = (version: string, current: string) => {
  try {
    checkVersion(version, current)
    return true
  } catch {
    return false
  }
}

const number = fc.nat({ max: 12 })
const core = fc.tuple(number, number, number)

t.test('a version is accepted if and only if it is newer', async () => {
  fc.assert(
    fc.property(core, core, (next, current) => {
      const at = next.findIndex((part, index) => part !== current[index])
      const isNewer = at >= 0 && (next[at] ?? 0) > (current[at] ?? 0)
      return isAccepted(next.join('.'), current.join('.')) === isNewer
    }),
  )
})

t.test('a pre-release is before its version and after the one before (SemVer §11)', async (t) => {
  t.ok(isAccepted('1.0.0-rc.1', '0.9.9'))
  t.ok(isAccepted('1.0.0-rc.10', '1.0.0-rc.9'))
  t.ok(isAccepted('1.0.0', '1.0.0-rc.1'))
  t.notOk(isAccepted('1.0.0-rc.1', '1.0.0'))
})

t.test('what is no version is refused with the form that is', async (t) => {
  for (const text of [
    '',
    'next',
    '1',
    '1.2',
    'v1.2.3',
    '1.2.3 ',
    '01.2.3',
    '1.2.3.4',
    '1.2.3+build',
    '-1.0.0',
    '1.2.x',
  ]) {
    t.throws(() => checkVersion(text, '0.1.0'), { message: /is not a version: write MAJOR\.MINOR\.PATCH/ }, text)
  }
})
