import { CustomersUpsert } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import fc from 'fast-check'
import t from 'tap'
import { confirmed, ndjson, newCode, newEmail, startImports } from './import.fixture.ts'

const { service, importText } = await startImports(t)

/** Parts that a mail server takes; joined wrongly, it takes none. */
const label = fc.stringMatching(/^[a-z0-9]{1,12}$/)
const fault = fc.constantFrom(
  (local: string, domain: string) => [`${local}..${local}@${domain}`, 'invalid_local_part'],
  (local: string, domain: string) => [`.${local}@${domain}`, 'invalid_local_part'],
  (local: string, domain: string) => [`${local}.@${domain}`, 'invalid_local_part'],
  (local: string, domain: string) => [`${local.padEnd(65, 'x')}@${domain}`, 'invalid_local_part'],
  (local: string, domain: string) => [`${local}é@${domain}`, 'smtputf8_required'],
  (local: string, domain: string) => [`${local}@-${domain}`, 'invalid_domain'],
  (local: string, domain: string) => [`${local}@${domain}.1`, 'invalid_domain'],
  (local: string, domain: string) => [`${local}@a_${domain}`, 'invalid_domain'],
  (local: string, domain: string) => [`${local}@${'x'.repeat(64)}.${domain}`, 'invalid_domain'],
)
const faulty = fc
  .tuple(fault, label, label)
  .map(([join, local, domain]) => join(local, `${domain}.example`) as [value: string, code: string])

t.test('an address that no mail server takes is refused with its line and field, by import and upsert', async (t) => {
  const all = fc.sample(faulty, 300)
  const lines = all.flatMap(([value]) => [
    { customer: newCode(), identifiers: [confirmed(newEmail())] },
    { customer: newCode(), identifiers: [confirmed(newEmail()), confirmed(value)] },
  ])
  const { errors, imported, refused } = await importText(ndjson(...lines))
  t.equal(imported, all.length)
  t.equal(refused, all.length)
  t.same(
    errors.map(({ line, reasons }) => [line, ...reasons.map(({ field, code }) => `${field} ${code}`)]),
    all.map(([, code], index) => [2 * index + 2, `identifiers/1/value ${code}`]),
  )
  for (const [value, code] of all.slice(0, 20)) {
    const reply = await callRpc(service.broker, CustomersUpsert, {
      customer: newCode(),
      identifiers: [confirmed(value)],
    })
    // The mail server of the sandbox offers SMTPUTF8.
    const isStored = code === 'smtputf8_required'
    t.match(reply, isStored ? { stored: true } : { stored: false, reasons: [{ field: 'identifiers/0/value', code }] })
  }
})

t.test('CSV names the column of an address that no mail server takes', async (t) => {
  const csv = ['customer,email,phone', `${newCode()},${newEmail()};a..b@example.com,`].join('\n')
  const { errors } = await importText(csv, { format: 'csv' })
  t.match(errors, [{ line: 2, reasons: [{ field: 'email', code: 'invalid_local_part' }] }])
})
