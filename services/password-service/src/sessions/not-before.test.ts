import { scopes } from '@rekey/contracts'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { startPasswordService } from '@rekey/test-support/password-service'
import fc from 'fast-check'
import t from 'tap'
import { openDatabase } from '../database.ts'
import { raiseNotBefore } from './not-before.store.ts'

const service = await startPasswordService(t)

t.test('S21: a session of any issuer has ended if it began up to the not-before, and staff have none', async (t) => {
  const customer = await service.customer()
  const notBefore = Math.floor(service.clock.now().getTime() / 1_000)
  await service.query('INSERT INTO session_not_before (not_before) VALUES (to_timestamp($1))', [notBefore])
  const around = fc.integer({ min: notBefore - 300, max: notBefore + 5 })
  const token = fc.record(
    {
      iat: around,
      auth_time: around,
      session_epoch: fc.constantFrom(0, 1, 2_147_483_647),
      sid: fc.constant(systemRandom.id()),
    },
    { requiredKeys: ['iat', 'sid'] },
  )
  await fc.assert(
    fc.asyncProperty(token, fc.boolean(), async (claims, isStaff) => {
      const [sub, scope] = isStaff ? ['backend_fin', scopes.backOffice] : [customer.code, scopes.full]
      const authorization = service.bearer(sub, scope, { session_epoch: undefined, ...claims })
      const path = isStaff ? '/api/v2/clients/2147483647/password/changes' : '/api/v2/my/password/changes'
      const { status } = await service.http.get(path, { authorization })
      const hasEnded = !isStaff && (claims.auth_time ?? claims.iat) <= notBefore
      t.equal(status, hasEnded ? 401 : isStaff ? 404 : 200, JSON.stringify({ ...claims, isStaff, notBefore }))
    }),
    { numRuns: 100 },
  )
})

t.test('the not-before is never lowered', async (t) => {
  const [earlier, later] = [new Date('2040-01-01T00:00:00Z'), new Date('2041-01-01T00:00:00Z')]
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: service.variables.DATABASE_URL, log, poolSize: 4 })
  t.teardown(() => database.close())
  const raise = (to: Date) => database.transaction((tx) => raiseNotBefore(tx, to))
  await Promise.all([raise(later), raise(earlier), raise(later), raise(earlier)])
  t.same(await service.query('SELECT not_before FROM session_not_before'), [{ not_before: later }])
})
