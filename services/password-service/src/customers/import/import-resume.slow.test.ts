import { appendFileSync } from 'node:fs'
import { CustomersUpsert } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { confirmed, ndjson, newCode, newEmail, startImports } from './import.fixture.ts'
import { openSource } from './source.ts'

const { service, importFile, fileOf, importText } = await startImports(t)
const { query } = service

t.test('all batches have one size, wherever the import resumes', async (t) => {
  const source = await openSource(fileOf('1\n'.repeat(300_000)), 'ndjson')
  t.teardown(() => source.close())
  for (const skip of [0, 1_000, 150_500, 300_000]) {
    let records = skip
    const { batches } = await source.read(skip)
    for await (const batch of batches) {
      if (batch.lines[0]?.number !== records + 1) t.fail('a line is missing or repeated')
      records += batch.lines.length
      if (batch.lines.length !== 1_000 && records !== 300_000) t.fail('a batch has another size')
    }
    t.equal(records, 300_000)
  }
})

/** Lines of new customers; every hundredth is refused. */
const manyLines = (count: number) => {
  const codes = Array.from({ length: count }, newCode)
  return {
    codes,
    content: ndjson(...codes.map((customer, index) => ({ customer, ...(index % 100 === 0 && { locale: 'zz' }) }))),
    count: async () => {
      const [row] = await query<{ count: number }>('SELECT count(*)::int FROM customer WHERE code = ANY($1)', [codes])
      return row?.count
    },
  }
}

t.test('a stopped import finishes its batch and resumes after it; a finished file is not imported again', async (t) => {
  const { content, count } = manyLines(3_500)
  const path = fileOf(content)
  t.match(await importFile(path, { stopAfter: 2 }), { kind: 'new', finished: false, records: 2_000, refused: 20 })
  t.equal(await count(), 1_980)
  appendFileSync(`${path}.refused.ndjson`, '{"line":2001,"reasons":[]}\n{"li', { mode: 0o600 })
  const rest = await importFile(path)
  t.match(rest, { kind: 'resumed', finished: true, records: 3_500, imported: 3_465, refused: 35 })
  t.same(
    rest.errors.map(({ line }) => line),
    Array.from({ length: 35 }, (_, index) => index * 100 + 1),
    'each refused line once, also after a killed import left more',
  )
  t.same(rest.reasons, { 'locale unknown_locale': 35 }, 'the reasons are those of the whole file')
  t.equal(await count(), 3_465)

  t.match(await importFile(path), { kind: 'finished', records: 3_500 })
  t.match(await importFile(path, { again: true }), { kind: 'new', finished: true, records: 3_500, refused: 35 })
  appendFileSync(path, ndjson({ customer: newCode() }))
  t.match(await importFile(path), { kind: 'changed', finished: true, records: 3_501 })
})

t.test('of two concurrent imports of a file one fails or finds it finished, and no line is lost', async (t) => {
  const { content, count } = manyLines(2_500)
  const path = fileOf(content)
  const outcomes = await Promise.allSettled([importFile(path), importFile(path)])
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') t.match(outcome.value, { finished: true })
    else t.match(outcome.reason, { message: 'The same file is being imported by another process.' })
  }
  t.ok(outcomes.some(({ status }) => status === 'fulfilled'))
  const finished = await importFile(path)
  t.match(finished, { kind: 'finished', records: 2_500, imported: 2_475, refused: 25 })
  t.same(
    finished.errors.map(({ line }) => line),
    Array.from({ length: 25 }, (_, index) => index * 100 + 1),
    'no import error is missing',
  )
  t.equal(await count(), 2_475)
})

t.test('an import and concurrent upserts of the same addresses all succeed', async (t) => {
  const codes = Array.from({ length: 40 }, newCode)
  const emails = codes.map(newEmail)
  const records = codes.map((customer, index) => ({ customer, identifiers: [confirmed(emails[index] ?? '')] }))
  const [imported, replies] = await Promise.all([
    importText(ndjson(...records)),
    Promise.all(
      records.toReversed().map(({ identifiers }, index) => {
        const customer = codes[index % 2 ? index : 39 - index] ?? ''
        // A busy machine may take longer than the limit of an RPC; an upsert can be repeated.
        return eventually(() => callRpc(service.broker, CustomersUpsert, { customer, identifiers }))
      }),
    ),
  ])
  t.equal(imported.imported + imported.refused, 40)
  t.equal(replies.length, 40)
  const [stored] = await query<{ count: number }>('SELECT count(*)::int FROM identifier WHERE value = ANY($1)', [
    emails,
  ])
  t.equal(stored?.count, 40, 'each address is stored once')
})
