import { createCustomer, sql } from '@rekey/testing/customers'
import { askRestore, codesOf, restore, restoreBody, restoreGrant, verificationBody } from '@rekey/testing/flows'
import { startProcesses } from '@rekey/testing/processes'
import t from 'tap'

const rekey = await startProcesses(t)
const { http, passwordService, notifier } = rekey

const historyOf = (customerId: number) =>
  sql<{ id: number }>(rekey.postgres.url, 'SELECT id FROM password_change WHERE customer_id = $1', [customerId])

const isPassword = async (email: string, password: string) => {
  const { body } = await http.post('/oauth/v2/login', {
    ...restoreBody(email),
    scope: 'CUSTOMER:FULL',
    password,
  })
  return body.error === 'mfa_required'
}

t.test('a password-service killed between the verified code and the restore loses nothing', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const { body } = await http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(answer.body.mfa_token, confirmation),
  )
  const grant = String(body.sign_token)
  await passwordService.kill()
  t.match(await restore(rekey, grant, 'a new password'), { status: 503, body: { code: 'unavailable' } })
  await passwordService.restart()
  t.equal((await restore(rekey, grant, 'a new password')).status, 204)
  t.equal((await historyOf(customer.id)).length, 1)
  t.ok(await isPassword(customer.email, 'a new password'))
})

t.test('a notifier killed before the mail sends it once when it is back', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await notifier.kill()
  const answer = await http.post('/oauth/v2/passwordRestore', restoreBody(customer.email))
  t.equal(answer.status, 200)
  t.same(await rekey.inbox.messagesTo(customer.email), [])
  await notifier.restart()
  const message = await rekey.inbox.waitForMessage(customer.email, { timeoutMs: 30_000 })
  const mfaToken = answer.body.mfa_token
  const { status, body } = await http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(mfaToken, codesOf(message).confirmation),
  )
  t.equal(status, 200)
  t.equal((await restore(rekey, String(body.sign_token), 'a new password')).status, 204)
  // The notice is made after the code's mail: once it is there, a second mail of the code would be too.
  await rekey.inbox.waitForMessage(customer.email, { after: 1, timeoutMs: 30_000 })
  const codes = (await rekey.inbox.messagesTo(customer.email)).filter(({ Text }) => Text.includes('Confirmation code'))
  t.equal(codes.length, 1)
  t.equal((await historyOf(customer.id)).length, 1)
})

t.test('S24 a restore cut off by SIGKILL is done wholly or not at all, and its grant is used once', async (t) => {
  // Killed after ever longer waits for the answer, so that every stage of the work is hit.
  for (const waitMs of [0, 5, 15, 25, 40]) {
    const customer = await createCustomer(rekey.postgres.url)
    const grant = await restoreGrant(rekey, customer)
    const cut = restore(rekey, grant, 'a first password').catch(() => ({ status: 0 }))
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    await passwordService.kill()
    const { status } = await cut
    const done = (await historyOf(customer.id)).length
    if (status === 204) t.equal(done, 1, 'what was told as done is done')
    await passwordService.restart()
    t.equal(await isPassword(customer.email, 'a first password'), done === 1, 'history and password agree')
    const again = await restore(rekey, grant, 'a second password')
    t.equal(again.status, done === 1 ? 403 : 204)
    t.equal((await historyOf(customer.id)).length, 1)
  }
})
