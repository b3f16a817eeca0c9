import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCustomer } from '@rekey/test-support/customers'
import { openMailbox } from './mailbox.ts'
import { type Row, stallAndMeasure, table } from './stalls/measure.ts'
import { dropMethod, inOwnNetwork } from './stalls/network.ts'
import { cases, partsOf } from './stalls/parts.ts'
import { createProber } from './stalls/probes.ts'
import { startSystem } from './system.ts'

/** The parts that stall on each system; the systems run in parallel. */
const lanes = [['NATS'], ['Redis', 'Postgres'], ['SMTP', 'SMS vendor', 'gateway to password-service']]
/** NATS longer: a cycle of reconnects would not show in 30 s. */
const watchMsOf = (part: string) => (part === 'NATS' ? 120_000 : 30_000)
const customers = 120
/**
 * The cases to run. By default two of each part, in 7 minutes; `REKEY_STALLS=all`: every case, in 24 minutes;
 * `REKEY_STALLS='NATS stopped 8'`: those whose name begins so.
 */
const wanted = process.env.REKEY_STALLS ?? ''
const defaultCases = ['stopped 15 s', 'dropped 15 s']

const isWanted = (part: string, name: string) => {
  if (wanted === '') return defaultCases.includes(name)
  return wanted === 'all' || `${part} ${name}`.startsWith(wanted)
}

if (!(await inOwnNetwork(import.meta.filename))) {
  const { default: t } = await import('tap')
  t.setTimeout(3_600_000)

  const runLane = async (names: string[]): Promise<Row[]> => {
    const dataDir = mkdtempSync(join(tmpdir(), 'rekey-stalls-'))
    t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
    const system = await startSystem(t, dataDir, { brokers: 1, env: { LOG_LEVEL: 'debug' } })
    const mailbox = openMailbox(system.inbox)
    t.teardown(() => mailbox.close())
    const people = []
    for (let count = 0; count < customers; count += 1) people.push(await createCustomer(system.databaseUrl))
    const prober = createProber({ origin: system.cleanOrigin, customers: people, mailbox })
    const logFiles = globSync(join(dataDir, '{auth-gateway,password-service,notifier}-*/server.log'))
    const rows: Row[] = []
    for (const part of partsOf(system)) {
      if (!names.includes(part.name)) continue
      for (const one of cases) {
        if (!isWanted(part.name, one.name)) continue
        const row = await stallAndMeasure(part, one, watchMsOf(part.name), { prober, logFiles })
        rows.push(row)
        t.comment(JSON.stringify(row))
      }
    }
    return rows
  }

  const wantedLanes = lanes.filter((names) => names.some((part) => cases.some(({ name }) => isWanted(part, name))))
  const rows = (await Promise.all(wantedLanes.map(runLane))).flat()
  t.comment(`${dropMethod}\n${table(rows)}`)
  for (const row of rows) {
    const name = `${row.part}, ${row.case}`
    t.equal(row.disconnects, 0, `${name}: no disconnect 15 s after the end`)
    if (['NATS', 'Redis'].includes(row.part)) t.equal(row.connections, 0, `${name}: no new connection`)
    t.ok(row.p90 < 1_000, `${name}: p90 ${row.p90} ms`)
  }
}
