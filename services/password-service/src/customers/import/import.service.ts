import { setImmediate } from 'node:timers/promises'
import { CustomerRecord, type FieldError, maskAddress, parseUsername } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { compileFieldErrors } from '@rekey/platform/validation'
import type { Database, Transaction } from '../../database.ts'
import { notifyRelays } from '../../outbox/outbox.store.ts'
import { retryOnContention } from '../contention.ts'
import type { GivenCustomer, Reading } from '../customer-record.ts'
import { type Outcome, upsertCustomers } from '../upsert-customers.ts'
import { type Format, type Read, UnusableFile } from './format.ts'
import { advanceImport, type ImportStore, type Progress, type StoredImport } from './import.store.ts'
import { type ImportError, openImportErrorsFile, type ReasonCounts } from './import-errors-file.ts'
import type { ImportLock } from './import-lock.ts'
import type { RawBatch, Source } from './source.ts'

interface Deps {
  database: Database
  store: ImportStore
  lock: ImportLock
  readRecord(record: CustomerRecord): Reading
  now: Now
  random: Random
  /** The key that seals authenticator apps; without it `readRecord` refuses them. */
  keys: { factor?: Keys | undefined }
}

interface ImportRequest {
  source: Source
  /** Finds the earlier import of a file whose content has changed. */
  fileName: string
  /** Path of the import errors file. */
  errorsPath: string
  /** Imports a file again that was imported before. */
  again: boolean
  signal: AbortSignal
}

/** How an import begins: `changed` if a file of this name had other content, `finished` if there is nothing to do. */
export type Beginning = { kind: 'new' } | { kind: 'changed' | 'resumed' | 'finished'; earlier: StoredImport }

interface Listener {
  begins(beginning: Beginning): void
  /** Called when a batch has committed. `bytes`: offset of its end in the file. */
  progressed(progress: Progress & { bytes: number }): void
}

export interface Result extends Progress {
  /** False if the import was stopped before the end of the file. */
  finished: boolean
  reasons: ReasonCounts
}

/** A line of the file, ready to be stored or refused. */
type Prepared = { read: Read; customer: GivenCustomer } | { read: Read; reasons: FieldError[] }

/** Lines that are parsed without a pause: meanwhile Postgres waits for the next statement of the batch before. */
const linesAtOnce = 50

/** Covers the retries within a batch. A batch usually takes less than a second. */
const batchTimeoutMs = 60_000

const busy = 'The same file is being imported by another process.'

const findFieldErrors = compileFieldErrors(CustomerRecord)
const noObject: FieldError = { field: '', code: 'wrong_type', message: 'is not a record' }

const codeOf = (record: unknown) => {
  const { customer } = (record ?? {}) as { customer?: unknown }
  return typeof customer === 'string' && /^[\x21-\x7E]{1,64}$/.test(customer) ? { customer } : {}
}

/** The masked address that a reason is about, if it is about one. */
const addressOf = (record: unknown, { field, code }: FieldError) => {
  if (code !== 'identifier_taken' && code !== 'duplicate') return {}
  const index = Number(/^identifiers\/(\d+)\/value$/.exec(field)?.[1])
  const value = (record as CustomerRecord).identifiers?.[index]?.value
  return value === undefined ? {} : { address: maskAddress(parseUsername(value)) }
}

const toImportError = (read: Read, reasons: FieldError[], format: Format): ImportError => {
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
 * Imports files of customers. Each batch is one transaction, which also stores the progress: a killed import resumes
 * after its last batch. An address that a customer loses is notified by the service.
 */
export const createImport = ({ database, store, lock, readRecord, now, random, keys }: Deps) => {
  const prepare = (read: Read): Prepared => {
    if ('reasons' in read) return { read, reasons: read.reasons }
    const errors = findFieldErrors(read.record)
    if (errors) return { read, reasons: errors.length > 0 ? errors : [noObject] }
    return { read, ...readRecord(read.record as CustomerRecord) }
  }

  /** Decides by earlier imports of the file where this one begins. */
  const begin = async (fingerprint: string, { fileName, again }: ImportRequest): Promise<Beginning> => {
    const earlier = await store.find(fingerprint)
    if (earlier && !earlier.finishedAt) return { kind: 'resumed', earlier }
    if (earlier && !again) return { kind: 'finished', earlier }
    const changed = earlier ? undefined : await store.findEarlier(fileName, fingerprint)
    await store.begin({ fingerprint, fileName }, now())
    return changed ? { kind: 'changed', earlier: changed } : { kind: 'new' }
  }

  /** Parses and validates the next batch while one is stored. */
  async function* prepareAhead(batches: AsyncIterable<RawBatch>, format: Format) {
    for await (const { lines, records } of batches) {
      const prepared: Prepared[] = []
      for (let begin = 0; begin < lines.length; begin += linesAtOnce) {
        for (const read of format.read(lines.slice(begin, begin + linesAtOnce))) prepared.push(prepare(read))
        await setImmediate()
      }
      yield { prepared, records, bytes: lines.at(-1)?.end ?? 0, firstLine: lines[0]?.number ?? 0 }
    }
  }

  const importFile = async (fingerprint: string, request: ImportRequest, listener: Listener): Promise<Result> => {
    const { source, errorsPath, signal } = request
    const beginning = await begin(fingerprint, request)
    listener.begins(beginning)
    const resumed = beginning.kind === 'resumed' || beginning.kind === 'finished' ? beginning.earlier : undefined
    let done: Progress = {
      records: resumed?.records ?? 0,
      imported: resumed?.imported ?? 0,
      refused: resumed?.refused ?? 0,
    }
    if (beginning.kind === 'finished') return { ...done, finished: true, reasons: new Map() }

    const { format, batches } = await source.read(done.records)
    const ahead = prepareAhead(batches, format)
    let next = await ahead.next()
    const resumeLine = next.done ? Number.POSITIVE_INFINITY : next.value.firstLine
    const errorsFile = await openImportErrorsFile(errorsPath, resumed ? resumeLine : undefined)

    const storeBatch = async (prepared: Prepared[], records: number): Promise<Progress> => {
      const good = prepared.filter((line) => 'customer' in line)
      const storeAll = async (tx: Transaction): Promise<Progress> => {
        const outcomes = await upsertCustomers(
          tx,
          { now, random, keys },
          good.map(({ customer }) => customer),
        )
        if (outcomes.length > 0) await notifyRelays(tx)
        const conflicts = new Map<Read, Outcome>(good.map(({ read }, index) => [read, outcomes[index] as Outcome]))
        const errors = prepared.flatMap((line) => {
          const { reasons } = 'reasons' in line ? line : { reasons: undefined, ...conflicts.get(line.read) }
          return reasons ? [toImportError(line.read, reasons, format)] : []
        })
        const after = {
          records,
          imported: done.imported + prepared.length - errors.length,
          refused: done.refused + errors.length,
        }
        if (!(await advanceImport(tx, fingerprint, done, after))) throw new UnusableFile(busy)
        await errorsFile.write(errors)
        return after
      }
      const after = await retryOnContention(() => database.transaction(storeAll, { timeoutMs: batchTimeoutMs }))
      errorsFile.commit()
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
      return { ...done, finished, reasons: errorsFile.reasons() }
    } finally {
      await ahead.return(undefined)
      await errorsFile.close()
    }
  }

  return {
    /**
     * Imports one file.
     *
     * @throws UnusableFile if the file or its errors file is unusable, or if another process imports it. RekeyError
     * unavailable if Postgres does not answer; the batches before have committed
     */
    async run(request: ImportRequest, listener: Listener): Promise<Result> {
      // Checked before the import is stored: a file without a valid header or without records is not an import.
      const { batches: probe } = await request.source.read(0)
      if ((await probe.next()).done) throw new UnusableFile('The file contains no customers.')
      await probe.return(undefined)
      const fingerprint = await request.source.fingerprint()
      const release = await lock(fingerprint)
      if (!release) throw new UnusableFile(busy)
      try {
        return await importFile(fingerprint, request, listener)
      } finally {
        await release()
      }
    },
  }
}
