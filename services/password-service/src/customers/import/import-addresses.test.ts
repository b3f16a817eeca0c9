import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { confirmed, ndjson, newCode, newEmail, startImports } from './import.fixture.ts'

const { service, importText, customerOf } = await startImports(t)

const removalsOf = async (customer: string) => {
  await service.outboxEmpty()
  const events = (await service.events('NOTIFY', customer)).filter(({ type }) => type === 'notify.address-removed')
  return Promise.all(
    events.map(async ({ id = '', data }) => (await service.openAddress<{ to: string }>(id, data.recipient ?? '')).to),
  )
}

t.test(
  'S43: the service notifies each address that an import takes from a customer, and none of a new one',
  async (t) => {
    const codes = Array.from({ length: 5 }, newCode)
    const before = codes.map(() => newEmail())
    const importWith = (emails: string[]) =>
      importText(
        ndjson(...codes.map((customer, index) => ({ customer, identifiers: [confirmed(emails[index] ?? '')] }))),
      )
    t.match(await importWith(before), { imported: 5, refused: 0 })
    t.match(await importWith(codes.map(() => newEmail())), { imported: 5, refused: 0 })
    for (const [index, customer] of codes.entries()) {
      const removed = await eventually(
        async () => {
          const found = await removalsOf(customer)
          return found.length > 0 ? found : undefined
        },
        { what: 'a notification of the removed address' },
      )
      t.same(removed, [before[index]])
    }
  },
)

t.test('S43: an import refuses no line for an address that another customer has unconfirmed', async (t) => {
  const [squatter, owner, email] = [newCode(), newCode(), newEmail()]
  const result = await importText(
    ndjson(
      { customer: squatter, identifiers: [{ value: email, verified: false }] },
      { customer: owner, identifiers: [confirmed(email)] },
    ),
  )
  t.match(result, { imported: 2, refused: 0 })
  t.match(await customerOf(owner), { addresses: [email] })
})
