import { RekeyError } from '@rekey/contracts'
import type { Beginning, Result } from '../services/password-service/src/customers/import/import.service.ts'
import { openSource } from '../services/password-service/src/customers/import/source.ts'
import { openImport } from '../services/password-service/src/import-customers.ts'
import { convertExport, type Summary } from './customers/convert/convert.ts'
import { eraseOne } from './customers/erase.ts'
import { createDisplay } from './customers/progress.ts'
import { type ConvertSettings, type ImportSettings, readSettings, usage } from './customers/settings.ts'
import { createStopRequest } from './start/stop-request.ts'

// npm run customers: imports customers from a file, converts the export of another system to such a file, or erases one.

const exitCodes = { imported: 0, failed: 1, someRefused: 2, unknown: 2, interrupted: 130 }

const number = (count: number) => count.toLocaleString('en-GB')
const day = (time: Date) => time.toISOString().slice(0, 16).replace('T', ' ')

const describeBeginning = (beginning: Beginning, { path }: ImportSettings): string => {
  if (beginning.kind === 'new') return `Importing ${path}.`
  const { records, startedAt, finishedAt } = beginning.earlier
  if (beginning.kind === 'resumed') return `Resuming ${path} after ${number(records)} records.`
  if (beginning.kind === 'finished') {
    return `${path} was imported on ${day(finishedAt ?? startedAt)} UTC. To import it again: --again.`
  }
  return `${path} has changed since ${day(startedAt)} UTC, when ${number(records)} records were imported: importing all of it.`
}

const printResult = (
  { records, imported, refused, finished, reasons }: Result,
  { errorsPath }: ImportSettings,
  seconds: number,
) => {
  const took = seconds > 0 ? ` in ${seconds.toFixed(1)} s` : ''
  console.log(`${number(records)} records${took}: ${number(imported)} imported, ${number(refused)} refused.`)
  for (const [reason, count] of [...reasons].toSorted(([, one], [, other]) => other - one)) {
    console.log(`  ${number(count).padStart(9)}  ${reason}`)
  }
  if (reasons.size > 0) console.log(`Refused lines, with reasons: ${errorsPath}`)
  if (!finished) console.log('Interrupted. Run the same command again to resume.')
}

const exitCodeOf = ({ finished, refused }: Result) => {
  if (!finished) return exitCodes.interrupted
  return refused > 0 ? exitCodes.someRefused : exitCodes.imported
}

const importFile = async (settings: ImportSettings, signal: AbortSignal): Promise<number> => {
  const source = await openSource(settings.path, settings.format)
  try {
    const customers = await openImport(process.env)
    let display: ReturnType<typeof createDisplay> | undefined
    let startedMs: number | undefined
    try {
      const result = await customers.run(
        { source, ...settings, signal },
        {
          begins(beginning) {
            console.log(describeBeginning(beginning, settings))
            if (beginning.kind === 'finished') return
            startedMs = performance.now()
            display = createDisplay(source.size, beginning.kind === 'resumed' ? beginning.earlier.records : 0)
          },
          progressed: (progress) => display?.show(progress),
        },
      )
      display?.end()
      printResult(result, settings, startedMs === undefined ? 0 : (performance.now() - startedMs) / 1_000)
      return exitCodeOf(result)
    } finally {
      display?.end()
      await customers.close()
    }
  } finally {
    await source.close()
  }
}

const printSummary = ({ customers, withoutPassword, factorsLeftOut, refused }: Summary, to: string) => {
  console.log(`${number(customers)} customers written to ${to}; ${number(refused.length)} refused.`)
  for (const [reason, count] of withoutPassword) {
    console.log(`  ${number(count).padStart(9)}  without a password (${reason}): they restore it`)
  }
  for (const [reason, count] of factorsLeftOut) {
    console.log(`  ${number(count).padStart(9)}  second factors left out (${reason}): their customers enrol others`)
  }
  for (const { user, reason } of refused) console.log(`  user ${number(user)} of the export: ${reason}`)
  if (customers > 0) console.log(`Next: npm run customers -- import ${to}`)
}

const convertFile = async ({ system, from, to, parameters }: ConvertSettings): Promise<number> => {
  const summary = await convertExport(system, from, to, { parameters })
  printSummary(summary, to)
  return summary.refused.length > 0 ? exitCodes.someRefused : exitCodes.imported
}

const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (!(error instanceof RekeyError)) return error.message
  const { message = '' } = (error.cause ?? {}) as { message?: string }
  return `Postgres did not answer (${message}). What was committed is kept: run the same command again to resume.`
}

const stopRequest = createStopRequest()
try {
  const settings = readSettings(process.argv.slice(2))
  if (settings === undefined) console.log(usage)
  else if (settings.command === 'convert') process.exitCode = await convertFile(settings)
  else if (settings.command === 'erase') process.exitCode = (await eraseOne(settings)) ? 0 : exitCodes.unknown
  else process.exitCode = await importFile(settings, stopRequest.signal)
} catch (error) {
  console.error(describeError(error))
  process.exitCode = exitCodes.failed
} finally {
  stopRequest.release()
}
