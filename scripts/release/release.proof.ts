import t from 'tap'
import type { Git } from './git.ts'
import { createRepository, request } from './release.fixture.ts'
import { release } from './release.ts'

t.test('whichever step fails, nothing is left of the release', async (t) => {
  const { git, state } = createRepository(t)
  const before = state()
  /** Fails at one call of git. @returns the number of calls if the release was made */
  const releaseFailingAt = (failing: number, isAfterItsWork = false): number | undefined => {
    let calls = 0
    const failingGit: Git = (args, options) => {
      calls += 1
      if (calls === failing && !isAfterItsWork) throw new Error('failed')
      const output = git(args, options)
      if (calls === failing) throw new Error('failed')
      return output
    }
    try {
      release(failingGit, request)
      return calls
    } catch (error) {
      if ((error as Error).message !== 'failed') throw error
      return undefined
    }
  }
  let failing = 1
  for (; releaseFailingAt(failing) === undefined; failing += 1) t.same(state(), before, `before call ${failing}`)
  t.ok(failing > 15, `${failing - 1} calls`)
  git(['reset', '--quiet', '--hard', before.head.trim()])
  git(['tag', '--delete', 'v0.2.0'])
  // Failing after a call is failing before the next one, but for the last.
  t.equal(releaseFailingAt(failing - 1, true), undefined)
  t.same(state(), before, 'after the last call')
})
