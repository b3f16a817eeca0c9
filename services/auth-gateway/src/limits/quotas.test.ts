import { ConfigError, loadConfig } from '@rekey/platform/config'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { quotaEnv, readQuotas } from './quotas.ts'

const read = (env: Record<string, string> = {}) => readQuotas(loadConfig(Type.Object(quotaEnv), env))

t.test('S7: an account gets ten codes to restore an hour', async (t) => {
  t.same(read().code.account, { allowance: 10, windowMs: 3_600_000 })
})

t.test('a quota is a number and a time', async (t) => {
  t.same(read({ REKEY_LIMIT_TOKEN_ADDRESS: '7/45s' }).token.address, { allowance: 7, windowMs: 45_000 })
  t.same(read({ REKEY_LIMIT_TOKEN_ADDRESS: '7/2h' }).token.address, { allowance: 7, windowMs: 7_200_000 })
  for (const wrong of ['7', '7/', '0/1m', '7/0s', '7/1d', '-7/1m', '7/1m ', '1e3/1m']) {
    t.throws(() => read({ REKEY_LIMIT_TOKEN_ADDRESS: wrong }), ConfigError, wrong)
  }
})

t.test('the scale multiplies every quota, to one at least', async (t) => {
  for (const [action, sizes] of Object.entries(read({ REKEY_LIMITS_SCALE: '10' }))) {
    const plain = read()[action as keyof ReturnType<typeof read>] as Record<string, { allowance: number }>
    for (const [by, size] of Object.entries(sizes)) t.equal(size.allowance, (plain[by]?.allowance ?? 0) * 10)
  }
  t.equal(read({ REKEY_LIMITS_SCALE: '0.001' }).code.account.allowance, 1)
  for (const wrong of ['0', '-1', 'many']) t.throws(() => read({ REKEY_LIMITS_SCALE: wrong }), ConfigError, wrong)
})
