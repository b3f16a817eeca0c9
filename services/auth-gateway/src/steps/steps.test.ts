import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askLogin,
  askRestore,
  change,
  changeGrant,
  login,
  restore,
  restoreBody,
  signIn,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

const rekey = await startRekey(t, { env: { REKEY_LIMIT_CODE_ADDRESS: '40/10m' } })

type Service = 'auth-gateway' | 'password-service' | 'notifier'

/** The value of a sample, by its labels; 0 if it is missing. */
const figureOf = async (service: Service, name: string, labels: Record<string, string> = {}) => {
  const text = await rekey.metricsOf(service)
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const line = text
    .split('\n')
    .find(
      (line) =>
        line.startsWith(name) && /[ {]/.test(line[name.length] ?? '') && pairs.every((pair) => line.includes(pair)),
    )
  return Number(line?.split(' ').at(-1) ?? 0)
}

const steps = (service: Service, step: string, outcome: string, channel = 'email') =>
  figureOf(service, 'rekey_restore_steps_total', { step, channel, outcome })

/** Waits until a figure has grown to a value. */
const until = (read: () => Promise<number>, value: number) =>
  eventually(async () => ((await read()) >= value ? true : undefined), { what: `a figure of ${value}` })

const delayOf = async (service: Service, name: string, labels: Record<string, string>) => ({
  count: await figureOf(service, `${name}_count`, labels),
  sum: await figureOf(service, `${name}_sum`, labels),
})

const answer = (mfaToken: unknown, code: string) =>
  rekey.http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))

t.test('a restore is counted at each step, with the time between the steps', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer: asked, confirmation } = await askRestore(rekey, customer.email)
  t.equal(await steps('auth-gateway', 'requested', 'ok'), 1)
  await until(() => steps('notifier', 'code_sent', 'ok'), 1)

  await answer(asked.body.mfa_token, wrongCode(confirmation))
  t.equal(await steps('auth-gateway', 'code_accepted', 'wrong'), 1)
  rekey.clock.advance(40_000)
  const verified = await answer(asked.body.mfa_token, confirmation)
  t.equal(await steps('auth-gateway', 'code_accepted', 'ok'), 1)
  await answer(asked.body.mfa_token, confirmation)
  t.equal(await steps('auth-gateway', 'code_accepted', 'expired', 'none'), 1, 'a replay')

  rekey.clock.advance(70_000)
  const grant = String(verified.body.sign_token)
  t.equal((await restore(rekey, grant, 'short')).status, 422)
  t.equal(await steps('password-service', 'password_set', 'policy', 'none'), 1)
  t.equal((await restore(rekey, grant, 'a new password')).status, 204)
  t.equal(await steps('password-service', 'password_set', 'ok'), 1)
  await restore(rekey, grant, 'another password')
  t.equal(await steps('password-service', 'password_set', 'grant', 'none'), 1)
  t.equal(await figureOf('password-service', 'rekey_password_changes_total', { reason: 'restore', outcome: 'ok' }), 1)
  t.equal(await figureOf('password-service', 'rekey_holds_started_total', { reason: 'restore' }), 1)

  const name = 'rekey_restore_step_delay_seconds'
  const [sent, accepted, set] = [
    await delayOf('notifier', name, { step: 'code_sent' }),
    await delayOf('auth-gateway', name, { step: 'code_accepted' }),
    await delayOf('password-service', name, { step: 'password_set' }),
  ]
  t.same([sent.count, accepted.count, set.count], [1, 1, 1])
  t.ok(sent.sum < 40, `the code was handed over after ${sent.sum} s, before the clock moved`)
  t.ok(accepted.sum >= 40 && accepted.sum < 70, `the code was accepted after ${accepted.sum} s`)
  t.ok(set.sum >= 69, `the password was set after ${set.sum} s`)
  const handover = await delayOf('notifier', 'rekey_message_handover_seconds', {
    event: 'notify.code',
    channel: 'email',
  })
  t.same(handover, sent, 'of a code it is the time since the request')
})

t.test('a code that is not sent is counted with its reason, at the gateway as any other request', async (t) => {
  const before = await steps('auth-gateway', 'requested', 'ok')
  await rekey.http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com'))
  await rekey.http.post('/oauth/v2/passwordRestore', restoreBody('+447700900123'))
  await until(() => steps('password-service', 'code_sent', 'unknown_or_blocked'), 1)
  await until(() => steps('password-service', 'code_sent', 'unknown_or_blocked', 'sms'), 1)
  t.equal(await steps('auth-gateway', 'requested', 'ok'), before + 1)
  t.equal(await steps('auth-gateway', 'requested', 'ok', 'sms'), 1)
})

t.test('a sign-in and a change are counted at each step', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const signIns = (step: string, outcome: string) => figureOf('auth-gateway', 'rekey_sign_ins_total', { step, outcome })
  await login(rekey, { ...customer, password: 'not the password' })
  t.equal(await signIns('password', 'wrong'), 1)
  const { answer: asked, confirmation } = await askLogin(rekey, customer)
  await rekey.http.post('/oauth/v2/token', {
    grant_type: 'mfa_oob',
    mfa_token: asked.body.mfa_token,
    code: wrongCode(confirmation),
  })
  t.equal(await signIns('second_factor', 'wrong'), 1)
  const accessToken = await signIn(rekey, customer)
  t.equal(await signIns('password', 'ok'), 2)
  t.equal(await signIns('second_factor', 'ok'), 1)
  t.equal(await signIns('completed', 'ok'), 1)
  t.equal((await delayOf('auth-gateway', 'rekey_sign_in_step_delay_seconds', { step: 'second_factor' })).count, 1)

  await change(rekey, accessToken, await changeGrant(rekey, customer, accessToken), 'a new password')
  t.equal(await figureOf('password-service', 'rekey_password_changes_total', { reason: 'change', outcome: 'ok' }), 1)
})

t.test('lockouts are counted where they begin, and limited requests as limited', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const lockouts = (service: Service, account: string) =>
    figureOf(service, 'rekey_lockouts_total', { kind: 'restore', account })
  for (const _ of [1, 2]) {
    const { answer: asked, confirmation } = await askRestore(rekey, customer.email)
    for (let attempt = 0; attempt < 5; attempt += 1) await answer(asked.body.mfa_token, wrongCode(confirmation))
  }
  t.equal(await lockouts('auth-gateway', 'username'), 1)
  await until(() => lockouts('password-service', 'customer'), 1)
  await rekey.http.post('/oauth/v2/passwordRestore', restoreBody(customer.email))
  await until(() => steps('password-service', 'code_sent', 'locked_out'), 1)

  for (let request = 0; request < 40; request += 1)
    await rekey.http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com'))
  t.ok((await steps('auth-gateway', 'requested', 'limited')) > 0)
})
