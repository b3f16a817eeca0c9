import { randomBytes } from 'node:crypto'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { codeOf, startWithFactors } from './factors.fixture.ts'

const service = await startWithFactors(t)
const { app, clock, enrolPasskey, enrolTotp, giveRecoveryCodes, prove, provePasskey } = service
const { query, secrets, startAnother, step } = service

const old = secrets.REKEY_FACTOR_SEAL_KEY ?? ''
const next = `k1:${randomBytes(32).toString('base64url')}`
const keyIds = async () =>
  (await query<{ id: string }>('SELECT DISTINCT seal_key_id AS id FROM factor ORDER BY 1')).map(({ id }) => id)

t.test('S52: the key of factors rotates with an overlap, and no factor is lost', async (t) => {
  const customer = await service.customer()
  const factor = await enrolTotp(customer.id)
  const [first = '', second = '', third = ''] = await giveRecoveryCodes(customer.id)
  const { authenticator } = await enrolPasskey(customer)
  t.same(await keyIds(), [''])
  await app.close()

  const steps = [
    { step: 'add', keys: `${old},${next}`, sealedBy: [''], code: first },
    { step: 'use', keys: `${next},${old}`, sealedBy: ['k1'], code: second },
    { step: 'drop', keys: next, sealedBy: ['k1'], code: third },
  ]
  for (const { step: name, keys, sealedBy, code } of steps) {
    const instance = await startAnother({ REKEY_FACTOR_SEAL_KEY: keys })
    const isSealed = async () => (await keyIds()).join() === sealedBy.join()
    await eventually(isSealed, { what: `the secrets to be sealed by ${sealedBy.join()}` })
    const ready = async () => (await fetch(`${instance.url}/readyz`)).ok
    await eventually(ready, { what: 'the instance to be ready' })
    clock.advance(30_000)
    const typed = codeOf(factor, step())
    t.equal(await eventually(() => prove(customer, 'totp', typed).catch(() => undefined)), true, `${name}: a TOTP`)
    t.equal(await prove(customer, 'recovery_code', code), true, `${name}: a recovery code`)
    const proven = await eventually(() => provePasskey(customer, authenticator).catch(() => undefined))
    t.same(proven, { isRight: true, key: 'hwk' }, `${name}: a passkey`)
    clock.advance(60_000)
    await instance.app.close()
  }
})

t.test('S54: with another key than the one that sealed it, a secret proves nothing', async (t) => {
  const other = `k2:${randomBytes(32).toString('base64url')}`
  const { app: another, url } = await startAnother({ REKEY_FACTOR_SEAL_KEY: other })
  t.teardown(() => another.close())
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, { what: 'the instance to be ready' })
  const customer = await service.customer()
  const factor = await enrolTotp(customer.id)
  await t.rejects(prove(customer, 'totp', codeOf(factor, step())))
})
