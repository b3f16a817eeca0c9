import { eventually } from '@rekey/test-support/eventually'
import t, { type Test } from 'tap'
import { type Person, startWaiting } from './waiting-restores.fixture.ts'

const service = await startWaiting(t)
const { open, wait, pass, until, veto, restores, records, notices, published, setPassword, provenBy } = service

const linkOf = async (person: Person) => (await notices(person))[0]?.link?.split('/').at(-1) ?? ''

/** One outcome: in the table, in the history, and in the events. */
const assertOneOutcome = async (t: Test, person: Person) => {
  const [restore, ...others] = await restores(person.id)
  t.same(others, [])
  const events = (await published(person)).map(({ type }) => type)
  t.equal(events.filter((type) => type !== 'customer.restore-waiting').length, 1, `one of ${events}`)
  t.equal(events.at(-1), `customer.restore-${restore?.state}`)
  const written = (await records(person.id)).filter((operation) => operation !== 'open_waiting_restore')
  const expected = { completed: 'restore', vetoed: 'veto_waiting_restore', expired: 'expire_waiting_restore' }
  t.same(written, [expected[restore?.state as 'completed']])
  return restore?.state
}

t.test('S58: of 24 vetoes and new passwords at once one comes first, and all answers agree with it', async (t) => {
  const outcomes = new Set<string | undefined>()
  // Who comes first is chance: until both have, or often enough.
  for (let round = 0; round < 12 && (round < 3 || outcomes.size < 2); round += 1) {
    const person = await service.person()
    await open(person)
    await wait(person)
    const link = await linkOf(person)
    const grants = await Promise.all(Array.from({ length: 12 }, () => provenBy(person.id, 'email')))
    const pressed = async () => {
      // Hashing takes a while: the vetoes of later rounds begin later.
      await Promise.all(Array.from({ length: round % 4 }, () => service.query('SELECT pg_sleep(0.01)')))
      return Promise.all(Array.from({ length: 12 }, () => veto(link)))
    }
    const [vetoed, set] = await Promise.all([pressed(), Promise.all(grants.map((grant) => setPassword(grant)))])
    const state = await assertOneOutcome(t, person)
    outcomes.add(state)
    const passwords = set.filter(({ status }) => status === 204).length
    t.equal(passwords, state === 'completed' ? 1 : 0, `${state}: ${passwords} passwords`)
    t.same([...new Set(vetoed.map(({ result }) => result))], [state], 'each press is told the outcome')
  }
  t.comment([...outcomes].join(', '))
})

t.test('S58: 20 openings at once lead to one restore, by whichever grant', async (t) => {
  const person = await service.person()
  const tokens = await Promise.all(Array.from({ length: 20 }, () => service.secondProof(person.id)))
  const replies = await Promise.all(tokens.map((token) => service.openBy(token)))
  t.equal(new Set(replies.map((reply) => JSON.stringify(reply))).size, 1)
  t.match(replies[0], { waits: true })
  t.equal((await restores(person.id)).length, 1)
  t.same(await records(person.id), ['open_waiting_restore'])
  t.equal((await notices(person)).length, 2)
})

t.test('S58: three instances send each notice once, and write one expiry', async (t) => {
  await Promise.all([service.startAnother(), service.startAnother()])
  const people = await Promise.all(Array.from({ length: 8 }, () => service.person()))
  await Promise.all(people.map((person) => open(person)))
  await Promise.all(people.map(({ id }) => pass(id, 12)))
  await Promise.all(people.map(({ id }) => until(id, { noticesSent: 2 })))
  await Promise.all(people.map((person) => wait(person)))
  await Promise.all(people.map(({ id }) => pass(id, 72)))
  await Promise.all(people.map(({ id }) => until(id, { state: 'expired' })))
  for (const person of people) {
    t.equal(await assertOneOutcome(t, person), 'expired')
    const told = (await notices(person)).map(({ notice }) => notice).toSorted()
    t.same(told, ['half', 'half', 'last', 'last', 'opened', 'opened'])
  }
})

t.test('S58: sign-ins, vetoes, an expiry and openings at once leave one outcome of each restore', async (t) => {
  const person = await service.person()
  await open(person)
  await wait(person)
  const link = await linkOf(person)
  await pass(person.id, 71.999)
  const acts = Array.from({ length: 8 }, (_, index) => [
    service.signIn(person),
    veto(link),
    provenBy(person.id, 'email').then((grant) => setPassword(grant)),
    index === 0 ? pass(person.id, 0.01) : Promise.resolve(),
  ])
  await Promise.all(acts.flat())
  // If the time was over before the others came, the loop writes the outcome.
  await eventually(async () => (await restores(person.id))[0]?.state !== 'waiting', { what: 'an outcome' })
  await assertOneOutcome(t, person)
})
