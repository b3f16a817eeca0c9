import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askRestore, codesOf, restore, restoreBody, restoreGrant, verificationBody } from '@rekey/test-support/flows'
import { startProcesses } from '@rekey/test-support/processes'
import pg from 'pg'
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

t.test('a password-service that is killed between the verified code and the restore loses nothing', async (t) => {
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

t.test('a notifier that is killed before it sends a code sends it once after its restart', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await notifier.kill()
  const answer = await http.post('/oauth/v2/passwordRestore', restoreBody(customer.email))
  t.equal(answer.status, 200)
  t.same(await rekey.inbox.messagesTo(customer.email), [])
  await notifier.restart()
  const message = await rekey.inbox.waitForMessage(customer.email)
  const mfaToken = answer.body.mfa_token
  const { status, body } = await http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(mfaToken, codesOf(message).confirmation),
  )
  t.equal(status, 200)
  t.equal((await restore(rekey, String(body.sign_token), 'a new password')).status, 204)
  // The notification follows the code's mail: once it has arrived, a duplicate of the code would have arrived as well.
  await rekey.inbox.waitForMessage(customer.email, { after: 1 })
  const codes = (await rekey.inbox.messagesTo(customer.email)).filter((message) => codesOf(message).confirmation !== '')
  t.equal(codes.length, 1)
  t.equal((await historyOf(customer.id)).length, 1)
})

/** Statements that block a restore at a step of its transaction, until they are rolled back. */
const moments: { when: string; hold: string; done: boolean }[] = [
  { when: 'the grant is looked up', hold: 'LOCK TABLE restore_request IN ACCESS EXCLUSIVE MODE', done: false },
  { when: 'the transaction begins', hold: 'SELECT 1 FROM customer FOR UPDATE', done: false },
  { when: 'the token is spent', hold: 'LOCK TABLE credential IN EXCLUSIVE MODE', done: false },
  { when: 'the password is written', hold: 'LOCK TABLE password_change IN EXCLUSIVE MODE', done: false },
  { when: 'the events are written', hold: 'LOCK TABLE outbox IN EXCLUSIVE MODE', done: false },
  { when: 'Postgres commits', hold: 'SELECT pg_advisory_xact_lock(1)', done: true },
]

t.test(
  'S24: a restore that SIGKILL interrupts commits wholly or not at all, and its grant is spent once',
  async (t) => {
    await sql(
      rekey.postgres.url,
      `CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
     CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON password_change
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`,
    )
    const connections = (which: string) =>
      sql(
        rekey.postgres.url,
        `SELECT 1 FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'rekey-password-service' AND ${which}`,
      )
    const outcomes = new Set<boolean>()
    for (const { when, hold, done } of moments) {
      const customer = await createCustomer(rekey.postgres.url)
      const grant = await restoreGrant(rekey, customer)
      const holder = new pg.Client(rekey.postgres.url)
      holder.on('error', () => {})
      await holder.connect()
      await holder.query(`BEGIN; ${hold}`)
      const cut = restore(rekey, grant, 'a first password')
      await eventually(async () => (await connections(`wait_event_type = 'Lock'`)).length > 0, { what: when })
      await passwordService.kill()
      await holder.end()
      t.equal((await cut).status, 503, `${when}: the answer does not claim success`)
      await eventually(async () => (await connections('true')).length === 0, {
        what: 'Postgres to end the connections',
      })

      const changes = await historyOf(customer.id)
      t.equal(changes.length, done ? 1 : 0, when)
      outcomes.add(changes.length === 1)
      const events = await sql(rekey.postgres.url, 'SELECT 1 FROM outbox WHERE subject = $1', [customer.code])
      t.equal(events.length > 0, done, `${when}: history and events agree`)
      await passwordService.restart()
      t.equal(await isPassword(customer.email, 'a first password'), done, `${when}: history and password agree`)
      t.equal((await restore(rekey, grant, 'a second password')).status, done ? 403 : 204, when)
      t.equal((await historyOf(customer.id)).length, 1, when)
    }
    t.same(outcomes, new Set([true, false]))
  },
)
