import { generateSync } from 'otplib'
import t, { type Test } from 'tap'
import { sealSecret } from '../factor-secrets/factor-secret.ts'
import { codeOf, race, startWithFactors } from './factors.fixture.ts'

const service = await startWithFactors(t)
const { clock, enrolTotp, giveRecoveryCodes, list, prove, query, step } = service

/** Submits a code a hundred times at once, and once more. */
const submitOften = async (t: Test, submit: () => Promise<boolean>) => {
  await race(t, Array.from({ length: 100 }, submit))
  t.equal(await submit(), false, 'it is used up')
}

const nextStep = () => clock.advance(30_000)

t.test('the methods of a customer are those in force, and an unknown customer has none', async (t) => {
  const customer = await service.customer()
  t.same(await list(customer.code), { methods: [], recoveryCodesLeft: 0 })
  await giveRecoveryCodes(customer.id)
  await enrolTotp(customer.id)
  t.same(await list(customer.code), { methods: ['totp', 'recovery_code'], recoveryCodesLeft: 10 })
  t.same(await list('nobody'), { methods: [], recoveryCodesLeft: 0 })
})

t.test('S54: a code of the current time step, or of one step around it, is right once', async (t) => {
  for (const distance of [-2, -1, 0, 1, 2]) {
    const customer = await service.customer()
    const factor = await enrolTotp(customer.id)
    const code = codeOf(factor, step() + distance)
    t.equal(await prove(customer, 'totp', code), Math.abs(distance) <= 1, `${distance} steps`)
    t.equal(await prove(customer, 'totp', code), false, `${distance} steps, again`)
  }
})

t.test('S54: after a code, those of earlier time steps are refused, and the next one is right', async (t) => {
  const customer = await service.customer()
  const factor = await enrolTotp(customer.id)
  const now = step()
  t.equal(await prove(customer, 'totp', codeOf(factor, now)), true)
  t.equal(await prove(customer, 'totp', codeOf(factor, now - 1)), false, 'the step before')
  nextStep()
  t.equal(await prove(customer, 'totp', codeOf(factor, now)), false, 'the same step, later')
  t.equal(await prove(customer, 'totp', codeOf(factor, now + 1)), true)
})

t.test('S54: one of 100 parallel submissions of a code is right', async (t) => {
  const customer = await service.customer()
  const code = codeOf(await enrolTotp(customer.id), step())
  await submitOften(t, () => prove(customer, 'totp', code))
})

t.test('S54: a code that two neighbouring time steps share is right for each of them', async (t) => {
  const customer = await service.customer()
  const { id } = await enrolTotp(customer.id)
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  const { sealedSecret } = sealSecret(
    service.keys,
    { id, customerId: customer.id },
    { secret, algorithm: 'sha1', digits: 6 },
  )
  await query('UPDATE factor SET sealed_secret = $2 WHERE id = $1', [id, sealedSecret])
  const twin = 62_075_368
  clock.advance(twin * 30_000 - clock.now().getTime())
  t.equal(generateSync({ secret, epoch: twin * 30 }), generateSync({ secret, epoch: (twin + 1) * 30 }))
  t.equal(await prove(customer, 'totp', '235522'), true, 'the first step')
  nextStep()
  t.equal(await prove(customer, 'totp', '235522'), true, 'the second step, whose code was not used')
  t.equal(await prove(customer, 'totp', '235522'), false, 'both are used')
})

t.test('S54: codes of a phone whose clock is off are right around its clock and around ours', async (t) => {
  for (const offset of [-5, 5]) {
    const right = [-1, 0, 1, offset - 1, offset, offset + 1]
    for (const distance of [...right, offset > 0 ? offset - 2 : offset + 2, offset * 2]) {
      const customer = await service.customer()
      const code = codeOf(await enrolTotp(customer.id, offset), step() + distance)
      t.equal(await prove(customer, 'totp', code), right.includes(distance), `${distance} of a clock ${offset} off`)
    }
  }
})

t.test('S54: a customer with two phones proves by either', async (t) => {
  const customer = await service.customer()
  const phones = [await enrolTotp(customer.id), await enrolTotp(customer.id)]
  const codes = phones.map((phone) => codeOf(phone, step()))
  for (const expected of [true, false]) for (const code of codes) t.equal(await prove(customer, 'totp', code), expected)
})

t.test('S55: each recovery code is right once, however it is typed, and the rest stay', async (t) => {
  const customer = await service.customer()
  const codes = await giveRecoveryCodes(customer.id)
  t.equal(new Set(codes).size, 10)
  for (const code of codes) t.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
  const [first = '', second = '', third = ''] = codes
  t.equal(await prove(customer, 'recovery_code', first), true)
  t.equal(await prove(customer, 'recovery_code', first), false, 'again')
  const typed = second.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')
  t.equal(await prove(customer, 'recovery_code', ` ${typed} `), true, typed)
  t.equal(await prove(customer, 'totp', third), false, 'as another method')
  t.equal(await prove(await service.customer(), 'recovery_code', third), false, 'of another customer')
  t.same(await list(customer.code), { methods: ['recovery_code'], recoveryCodesLeft: 8 })
})

t.test('S55: one of 100 parallel submissions of a recovery code is right', async (t) => {
  const customer = await service.customer()
  const [code = ''] = await giveRecoveryCodes(customer.id)
  await submitOften(t, () => prove(customer, 'recovery_code', code))
  t.same(await list(customer.code), { methods: ['recovery_code'], recoveryCodesLeft: 9 })
})

t.test('S55: the last recovery code ends the method', async (t) => {
  const customer = await service.customer()
  for (const code of await giveRecoveryCodes(customer.id)) t.equal(await prove(customer, 'recovery_code', code), true)
  t.same(await list(customer.code), { methods: [], recoveryCodesLeft: 0 })
  const [row] = await query('SELECT factor_kinds::text AS kinds FROM customer WHERE id = $1', [customer.id])
  t.match(row, { kinds: '{}' })
})

t.test('S55: a recovery code uses up the current and the next time step', async (t) => {
  const customer = await service.customer()
  const factor = await enrolTotp(customer.id)
  const [code = ''] = await giveRecoveryCodes(customer.id)
  const now = step()
  t.equal(await prove(customer, 'recovery_code', code), true)
  for (const distance of [-1, 0, 1]) t.equal(await prove(customer, 'totp', codeOf(factor, now + distance)), false)
  nextStep()
  t.equal(await prove(customer, 'totp', codeOf(factor, now + 1)), false, 'the next step, when it has come')
  t.equal(await prove(customer, 'totp', codeOf(factor, now + 2)), true)
})

t.test('S29: a secret that is moved to another customer, or to another factor, proves nothing', async (t) => {
  const [victim, thief] = [await service.customer(), await service.customer()]
  const stolen = await enrolTotp(thief.id)
  const { id } = await enrolTotp(victim.id)
  await query('UPDATE factor SET sealed_secret = (SELECT sealed_secret FROM factor WHERE id = $2) WHERE id = $1', [
    id,
    stolen.id,
  ])
  await t.rejects(prove(victim, 'totp', codeOf(stolen, step())))
  await query('DELETE FROM factor WHERE id = $1', [id])
  await query('UPDATE factor SET customer_id = $2 WHERE id = $1', [stolen.id, victim.id])
  await t.rejects(prove(victim, 'totp', codeOf(stolen, step())))
})

t.test('an unknown customer, one without the method, and one with a wrong code get the same answer', async (t) => {
  const [none, enrolled] = [await service.customer(), await service.customer()]
  await enrolTotp(enrolled.id)
  await giveRecoveryCodes(enrolled.id)
  for (const method of ['totp', 'recovery_code'] as const) {
    for (const code of [none.code, enrolled.code, 'nobody']) {
      for (const typed of ['000000', '7HXK-2M9Q-VW3C-T8ZD', '', '💥'].filter(Boolean))
        t.equal(await prove({ code }, method, typed), false, `${method} of ${code}: ${typed}`)
    }
  }
  const reasons = service.logged('authn_factor_proof_fail').map(({ reason }) => reason)
  t.ok(reasons.includes('not_enrolled') && reasons.includes('wrong') && reasons.includes('used'))
  t.match(await service.metrics.metrics(), /rekey_factor_proofs_total\{method="totp",outcome="not_enrolled"\} [1-9]/)
})

t.test('S9: logs contain no code and no secret of a factor', async (t) => {
  const customer = await service.customer()
  const factor = await enrolTotp(customer.id)
  const [recoveryCode = ''] = await giveRecoveryCodes(customer.id)
  const code = codeOf(factor, step())
  await prove(customer, 'totp', code)
  await prove(customer, 'recovery_code', recoveryCode)
  const rows = JSON.stringify(
    await query('SELECT f.*, r.code_hmac FROM factor f LEFT JOIN recovery_code r ON r.factor_id = f.id'),
  )
  for (const secret of [code, factor.secret, recoveryCode, recoveryCode.replaceAll('-', '')]) {
    t.notOk(service.logs().includes(secret), 'the log')
    if (secret !== code) t.notOk(rows.includes(secret), 'Postgres')
  }
})
