import { CustomerRecord, type FieldError, maskAddress, parseUsername } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { compileFieldErrors } from '@rekey/platform/validation'
import type { GivenCustomer, Reading } from '../customer-record.ts'
import type { Outcome, Upserts } from '../upserts.service.ts'
import { type Format, ImportFault, type Read } from './format.ts'
import type { ImportStore, KnownImport, Progress } from './import.store.ts'
import type { ImportLock } from './import-lock.ts'
import { openRefusedReport, type ReasonCounts, type Refusal } from './refused-report.ts'
import type { RawBatch, Source } from './source.ts'

interface Deps {
  store: ImportStore
  lock: ImportLock
  readRecord(record: CustomerRecord): Reading
  upsert: Upserts
  now: Now
}

interface Order {
  source: Source
  /** By which a changed file is known again. */
  fileName: string
  refusedPath: string
  /** Whether a file that was taken in before is to be taken in once more. */
  again: boolean
  signal: AbortSignal
}

/** How an import begins. */
export type Beginning = { kind: 'new' } | { kind: 'changed' | 'resumed' | 'finished'; known: KnownImport }

interface Listener {
  begins(beginning: Beginning): void
  /** A batch has committed. `bytes`: of the file, up to its end. */
  progressed(progress: Progress & { bytes: number }): void
}

export interface Result extends Progress {
  /** Whether the whole file was taken in; it was asked to stop otherwise. */
  finished: boolean
  reasons: ReasonCounts
}

/** A line of the file, ready to be stored or refused. */
type Prepared = { read: Read; customer: GivenCustomer } | { read: Read; reasons: FieldError[] }

/** Together with the retries of a batch; a batch takes a part of a second. */
const batchTimeoutMs = 60_000

const busy = 'The same file is being imported by another process.'

const faultsOf = compileFieldErrors(CustomerRecord)
const noObject: FieldError = { field: '', code: 'wrong_type', message: 'is no record' }

const codeOf = (record: unknown) => {
  const { customer } = (record ?? {}) as { customer?: unknown }
  return typeof customer === 'string' && /^[\x21-\x7E]{1,64}$/.test(customer) ? { customer } : {}
}

/** The address that a reason is about, where it is one. */
const addressOf = (record: unknown, { field, code }: FieldError) => {
  if (code !== 'identifier_taken' && code !== 'duplicate') return {}
  const index = Number(/^identifiers\/(\d+)\/value$/.exec(field)?.[1])
  const value = (record as CustomerRecord).identifiers?.[index]?.value
  return value === undefined ? {} : { address: maskAddress(parseUsername(value)) }
}

const toRefusal = (read: Read, reasons: FieldError[], format: Format): Refusal => {
  if ('reasons' in read) return { line: read.line.number, reasons }
  const { line, record } = read
  return {
    line: line.number,
    ...codeOf(record),
    reasons: reasons.map((reason) => ({
      ...reason,
      field: format.fieldName(reason.field, record),
      ...addressOf(record, reason),
    })),
  }
}

/**
 * Takes in files of customers, a batch a transaction, in which its progress commits too: an import that was killed goes
 * on where it stood. Nobody is sent anything.
 */
export const createImport = ({ store, lock, readRecord, upsert, now }: Deps) => {
  const prepare = (read: Read): Prepared => {
    if ('reasons' in read) return { read, reasons: read.reasons }
    const faults = faultsOf(read.record)
    if (faults) return { read, reasons: faults.length > 0 ? faults : [noObject] }
    return { read, ...readRecord(read.record as CustomerRecord) }
  }

  /** Whatever is known of the file decides where it begins. */
  const begin = async (fingerprint: string, { fileName, again }: Order): Promise<Beginning> => {
    const known = await store.find(fingerprint)
    if (known && !known.finishedAt) return { kind: 'resumed', known }
    if (known && !again) return { kind: 'finished', known }
    const earlier = known ? undefined : await store.findEarlier(fileName, fingerprint)
    await store.begin({ fingerprint, fileName }, now())
    return earlier ? { kind: 'changed', known: earlier } : { kind: 'new' }
  }

  /** While one batch is being stored the next one is read. */
  async function* prepareAhead(batches: AsyncIterable<RawBatch>, format: Format) {
    for await (const { lines, records } of batches) {
      const prepared = format.read(lines).map(prepare)
      yield { prepared, records, bytes: lines.at(-1)?.end ?? 0, firstLine: lines[0]?.number ?? 0 }
    }
  }

  const takeIn = async (fingerprint: string, order: Order, listener: Listener): Promise<Result> => {
    const { source, refusedPath, signal } = order
    const beginning = await begin(fingerprint, order)
    listener.begins(beginning)
    const resumed = beginning.kind === 'resumed' || beginning.kind === 'finished' ? beginning.known : undefined
    let done: Progress = {
      records: resumed?.records ?? 0,
      imported: resumed?.imported ?? 0,
      refused: resumed?.refused ?? 0,
    }
    if (beginning.kind === 'finished') return { ...done, finished: true, reasons: new Map() }

    const { format, batches } = await source.read(done.records)
    const ahead = prepareAhead(batches, format)
    let next = await ahead.next()
    const goesOnAt = next.done ? Number.POSITIVE_INFINITY : next.value.firstLine
    const report = await openRefusedReport(refusedPath, resumed ? goesOnAt : undefined)

    const storeBatch = async (prepared: Prepared[], records: number): Promise<Progress> => {
      const good = prepared.filter((line) => 'customer' in line)
      let after = done
      await upsert(
        good.map(({ customer }) => customer),
        {
          timeoutMs: batchTimeoutMs,
          alongside: async (tx, outcomes) => {
            const conflicts = new Map<Read, Outcome>(good.map(({ read }, index) => [read, outcomes[index] as Outcome]))
            const refusals = prepared.flatMap((line) => {
              const { reasons } = 'reasons' in line ? line : { reasons: undefined, ...conflicts.get(line.read) }
              return reasons ? [toRefusal(line.read, reasons, format)] : []
            })
            after = {
              records,
              imported: done.imported + prepared.length - refusals.length,
              refused: done.refused + refusals.length,
            }
            if (!(await store.advance(tx, fingerprint, done, after))) {
              throw new ImportFault(busy)
            }
            await report.put(refusals)
          },
        },
      )
      report.keep()
      return after
    }

    try {
      while (!next.done && !signal.aborted) {
        const { prepared, records, bytes } = next.value
        const [stored, following] = await Promise.allSettled([storeBatch(prepared, records), ahead.next()])
        if (stored.status === 'rejected') throw stored.reason
        done = stored.value
        listener.progressed({ ...done, bytes })
        if (following.status === 'rejected') throw following.reason
        next = following.value
      }
      const finished = next.done === true
      if (finished) await store.finish(fingerprint, now())
      return { ...done, finished, reasons: report.reasons() }
    } finally {
      await ahead.return(undefined)
      await report.close()
    }
  }

  return {
    /**
     * @throws ImportFault: the file, or the one for refused lines, is of no use; or another process is at it. RekeyError
     * unavailable: Postgres is away; all batches before are in
     */
    async run(order: Order, listener: Listener): Promise<Result> {
      // Before anything is noted: a file without a header, or with nothing else, is no import.
      const { batches: probe } = await order.source.read(0)
      if ((await probe.next()).done) throw new ImportFault('The file holds no customers.')
      await probe.return(undefined)
      const fingerprint = await order.source.fingerprint()
      const release = await lock(fingerprint)
      if (!release) throw new ImportFault(busy)
      try {
        return await takeIn(fingerprint, order, listener)
      } finally {
        await release()
      }
    },
  }
}
