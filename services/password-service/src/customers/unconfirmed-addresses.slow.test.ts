import { CustomersGet, CustomersUpsert } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import fc from 'fast-check'
import t from 'tap'
import { createCodeSource } from '../codes/codes.fixture.ts'

const service = await startPasswordService(t)
const { requestRestore, sent, restoreRequests } = createCodeSource(service)

const newCode = () => `P${systemRandom.id()}`
const newEmail = () => `${systemRandom.id()}@example.com`
const upsert = (customer: string, identifiers: { value: string; verified: boolean }[]) =>
  callRpc(service.broker, CustomersUpsert, { customer, identifiers })

/** The upsert of one customer, for each of the addresses. */
const give = fc.constantFrom('nothing' as const, 'unconfirmed' as const, 'confirmed' as const)
const sizes = { customers: 3, addresses: 3 }
const step = fc.record({
  customer: fc.nat(sizes.customers - 1),
  given: fc.array(give, { minLength: sizes.addresses, maxLength: sizes.addresses }),
})

t.test('S43: an upsert is refused only for addresses that another customer has confirmed', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const codes = Array.from({ length: sizes.customers }, newCode)
      const values = Array.from({ length: sizes.addresses }, newEmail)
      /** The customer who has confirmed each address. */
      const owners = new Map<string, string>()
      let lost = 0
      for (const { customer, given } of steps) {
        const code = codes[customer] ?? ''
        const identifiers = given.flatMap((kind, index) =>
          kind === 'nothing' ? [] : [{ value: values[index] ?? '', verified: kind === 'confirmed' }],
        )
        const taken = identifiers.flatMap(({ value }, index) =>
          (owners.get(value) ?? code) === code ? [] : [`identifiers/${index}/value`],
        )
        const reply = await upsert(code, identifiers)
        if (!reply.stored) {
          t.same(
            reply.reasons.map(({ field }) => field),
            taken,
          )
          continue
        }
        t.same(taken, [], 'nothing is stored if an address is taken')
        const isConfirmed = new Set(identifiers.flatMap(({ value, verified }) => (verified ? value : [])))
        for (const [value, owner] of owners) {
          if (owner !== code || isConfirmed.has(value)) continue
          owners.delete(value)
          lost += 1
        }
        for (const value of isConfirmed) owners.set(value, code)
        const found = await callRpc(service.broker, CustomersGet, { customer: code })
        const stored = found.found ? found.identifiers.map(({ value, verified }) => `${value} ${verified}`) : []
        t.same(stored.toSorted(), identifiers.map(({ value, verified }) => `${value} ${verified}`).toSorted())
      }
      for (const username of values) {
        const found = await callRpc(service.broker, CustomersGet, { username })
        t.equal(found.found ? found.customer : undefined, owners.get(username), 'found by its confirmed address alone')
      }
      const [row] = await service.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM former_address f JOIN customer c ON c.id = f.customer_id
         WHERE c.code = ANY($1)`,
        [codes],
      )
      t.equal(row?.count, lost, 'each loss is recorded once')
    }),
    { numRuns: 40 },
  )
})

t.test(
  'S43: a restore reaches the confirmed owner, whoever gave the address unconfirmed before or after',
  async (t) => {
    const email = newEmail()
    const [squatter, owner, late] = [newCode(), newCode(), newCode()]
    await upsert(squatter, [{ value: email, verified: false }])
    t.match(await upsert(owner, [{ value: email, verified: true }]), { stored: true })
    t.match(await upsert(late, [{ value: email, verified: false }]), { stored: false })
    const challengeId = await requestRestore(email)
    const [event] = await sent(challengeId)
    t.equal((await service.openAddress<{ to: string }>(challengeId, event?.data.recipient ?? '')).to, email)
    const [request] = await restoreRequests(challengeId)
    t.match(await callRpc(service.broker, CustomersGet, { customer: owner }), { customerId: request?.customer_id })
  },
)

t.test('S43: of concurrent confirmed and unconfirmed claims of one address a confirmed one wins', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const email = newEmail()
    const replies = await race(10, (index) => upsert(newCode(), [{ value: email, verified: index % 2 === 0 }]))
    const confirmedReplies = replies.filter((_, index) => index % 2 === 0)
    t.equal(confirmedReplies.filter(({ stored }) => stored).length, 1)
    t.match(await callRpc(service.broker, CustomersGet, { username: email }), { found: true })
  }
})
