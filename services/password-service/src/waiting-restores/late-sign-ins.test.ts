import { durableName, LoginSucceeded } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { createHttp } from '@rekey/test-support/http'
import pg from 'pg'
import t, { type Test } from 'tap'
import { newPassword, type Person, startWaiting } from './waiting-restores.fixture.ts'

// A sign-in is known by its event. Here the broker has stored it and does not deliver it to the service.

const service = await startWaiting(t)
const { open, wait, restores, records, published, provenBy, setPassword, query } = service

const connection = await service.broker.connected()
const durable = durableName('password-service', LoginSucceeded.type)

/** Takes sign-ins out of the queue, as an instance that is stalled afterwards. @returns the customers whose it has taken */
const startStalledInstance = async (t: Test) => {
  const taken = new Set<string>()
  const consumer = await connection.jetstream().consumers.get('AUTH', durable)
  const messages = await consumer.consume({
    max_messages: 500,
    callback: (message) => void taken.add(message.headers?.get('ce-subject') ?? ''),
  })
  t.teardown(() => messages.close())
  return taken
}

/** Waits until a customer has signed in, whose restore could be completed, and the service does not know of it. */
const signInUnnoticed = async (taken: Set<string>): Promise<Person> => {
  for (;;) {
    const person = await service.person()
    await open(person)
    await wait(person)
    await service.signIn(person)
    const isVetoed = async () => (await restores(person.id))[0]?.state === 'vetoed'
    await eventually(async () => taken.has(person.code) || (await isVetoed()), { what: 'the delivery of the sign-in' })
    // The broker chose the other instance.
    if (taken.has(person.code)) return person
  }
}

const assertVetoed = async (t: Test, { id, ...person }: Person) => {
  t.match(await restores(id), [{ state: 'vetoed', vetoedBy: 'sign_in' }])
  t.same(await records(id), ['open_waiting_restore', 'veto_waiting_restore'])
  const events = (await published({ id, ...person })).map(({ type }) => type)
  t.same(events, ['customer.restore-waiting', 'customer.restore-vetoed'])
}

t.test('S58: a sign-in vetoes a completion that begins later, also if its event was not delivered', async (t) => {
  const taken = await startStalledInstance(t)
  for (let round = 0; round < 3; round += 1) {
    const person = await signInUnnoticed(taken)
    const { status, body } = await setPassword(await provenBy(person.id, 'email'))
    t.match({ status, body }, { status: 403, body: { code: 'second_proof_required' } })
    await assertVetoed(t, person)
  }
})

t.test('S58: sign-ins of other customers that were not delivered delay nobody', async (t) => {
  const taken = await startStalledInstance(t)
  const others = await Promise.all(Array.from({ length: 5 }, () => signInUnnoticed(taken)))
  const person = await service.person()
  await open(person)
  await wait(person)
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 204)
  for (const other of others) t.match(await restores(other.id), [{ state: 'waiting' }], 'left to the consumer')
})

t.test('S58: a completion is refused for a moment, and spends nothing, while a sign-in cannot veto', async (t) => {
  const taken = await startStalledInstance(t)
  const person = await signInUnnoticed(taken)
  const grant = await provenBy(person.id, 'email')
  const holder = new pg.Client({ connectionString: service.variables.DATABASE_URL })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('BEGIN')
  await holder.query('SELECT 1 FROM customer WHERE id = $1 FOR UPDATE', [person.id])

  const http = createHttp(service.url)
  const refused = await http.post('/api/v2/my/password/restore', { password: newPassword }, { successToken: grant })
  t.match(refused, { status: 503, body: { code: 'unavailable' } })
  t.ok(refused.headers.get('retry-after'))
  t.match(await restores(person.id), [{ state: 'waiting' }])
  t.same(
    await query('SELECT FROM spent_token s JOIN restore_request r ON r.challenge_id = s.jti WHERE customer_id = $1', [
      person.id,
    ]),
    [],
  )

  await holder.query('COMMIT')
  t.equal((await setPassword(grant)).status, 403)
  await assertVetoed(t, person)
})

t.test('only the completion of a waiting restore asks the broker for sign-ins', async (t) => {
  let asked = 0
  const requests = connection.subscribe('$JS.API.STREAM.MSG.GET.AUTH', {
    callback: (_error, request) => {
      if (request.string().includes(`"last_by_subj":"${LoginSucceeded.type}"`)) asked += 1
    },
  })
  t.teardown(() => requests.unsubscribe())
  const person = await service.person()
  t.equal((await service.changePassword(person)).status, 204)
  t.equal((await setPassword(await provenBy(person.id, 'email', ['email', 'sms']))).status, 204)
  t.match(await setPassword(await provenBy(person.id, 'email')), { status: 403 })
  await open(person)
  await connection.flush()
  t.equal(asked, 0)
  await wait(person)
  t.equal((await setPassword(await provenBy(person.id, 'email'))).status, 204)
  await connection.flush()
  t.equal(asked, 1)
})
