import { existsSync, readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import { createLogger } from '@rekey/platform/logger'
import { type DeadLetterStream, type Letter, openDeadLetters } from './dead-letters/letters.ts'
import { maskedData, maskedHeaders } from './dead-letters/masked.ts'
import { readAge, readSequences, selects } from './dead-letters/selection.ts'
import { partsOf } from './start/data-dir.ts'

const usage = `Usage:
  npm run dead-letters -- list                     events that could not be handled or published, the oldest first
    --subject PATTERN   of these events only: notify.code, notify.*
    --reason TEXT       with this text in the reason
    --older-than TIME, --newer-than TIME   by age: 90s, 10m, 2h, 3d
    --json              one JSON object a line
  npm run dead-letters -- show SEQ                 one of them, without sealed fields and addresses (--json)
  npm run dead-letters -- replay SEQ…              publishes its event again, and deletes it once the broker has stored the event
  npm run dead-letters -- replay --all-of REASON   the same for all with exactly this reason (and --subject, if given)
    --even-if-sent      also those whose earlier replay was interrupted, and may have succeeded
  npm run dead-letters -- drop SEQ… --reason TEXT  deletes them, and logs who did it and why
    --by NAME           who does it, if not this account

  Reads NATS_URL, NATS_CA_FILE and the credentials of the broker's user operator (NATS_NKEY_FILE, …) from the environment
  or from the file REKEY_SECRETS_FILE; without NATS_URL those of the sandbox that npm start runs (REKEY_DATA_DIR).
  Exit code: 0 done, 1 not all of it, 2 wrong arguments.`

/** Wrong arguments. */
class UsageError extends Error {}

const options = {
  subject: { type: 'string' },
  reason: { type: 'string' },
  'older-than': { type: 'string' },
  'newer-than': { type: 'string' },
  'all-of': { type: 'string' },
  'even-if-sent': { type: 'boolean' },
  by: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const readArguments = () => parseArgs({ allowPositionals: true, options })
type Values = ReturnType<typeof readArguments>['values']

const environment = () => {
  const { servers } = partsOf(resolve(import.meta.dirname, '..', process.env.REKEY_DATA_DIR || '.rekey'))
  const isGiven = process.env.NATS_URL || process.env.REKEY_SECRETS_FILE
  if (isGiven) return process.env
  if (!existsSync(servers)) throw new Error('NATS_URL is missing, and no sandbox runs here (npm start).')
  return { ...process.env, NATS_URL: parseEnv(readFileSync(servers, 'utf8')).NATS_URL }
}

const ageOf = ({ storedAt }: Letter) => {
  const seconds = Math.max(0, Math.round((Date.now() - storedAt.getTime()) / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

const summaryOf = ({ sequence, type, reason, storedAt, eventId }: Letter) => ({
  sequence,
  type,
  reason,
  storedAt: storedAt.toISOString(),
  eventId,
})

const list = async (stream: DeadLetterStream, values: Values) => {
  const isSelected = selects(
    {
      subject: values.subject,
      reason: values.reason,
      olderThanMs: readAge('older-than', values['older-than']),
      newerThanMs: readAge('newer-than', values['newer-than']),
    },
    new Date(),
  )
  let count = 0
  for await (const letter of stream.all()) {
    if (!isSelected(letter)) continue
    count += 1
    if (values.json) console.log(JSON.stringify(summaryOf(letter)))
    else {
      const { sequence, type, reason } = letter
      console.log(`${String(sequence).padStart(6)}  ${ageOf(letter).padStart(7)}  ${type.padEnd(28)}  ${reason}`)
    }
  }
  if (!values.json) console.log(count === 1 ? '1 dead letter' : `${count} dead letters`)
}

const show = async (stream: DeadLetterStream, sequences: number[], { json }: Values) => {
  const [sequence] = sequences
  if (sequence === undefined || sequences.length > 1) throw new UsageError('show needs one number')
  const letter = await stream.find(sequence)
  if (!letter) throw new Error(`there is no dead letter ${sequence}`)
  const shown = { ...summaryOf(letter), headers: maskedHeaders(letter), data: maskedData(letter) }
  console.log(json ? JSON.stringify(shown) : JSON.stringify(shown, undefined, 2))
}

const selected = async (stream: DeadLetterStream, sequences: number[], values: Values): Promise<Letter[]> => {
  const { 'all-of': reason, subject } = values
  if ((reason === undefined) === (sequences.length === 0))
    throw new UsageError('replay needs numbers, or --all-of REASON')
  const isSelected = selects({ subject }, new Date())
  const letters: Letter[] = []
  if (reason !== undefined) {
    for await (const letter of stream.all()) if (letter.reason === reason && isSelected(letter)) letters.push(letter)
    return letters
  }
  for (const sequence of sequences) {
    const letter = await stream.find(sequence)
    if (letter) letters.push(letter)
    else {
      console.log(`${sequence}: there is no such dead letter`)
      process.exitCode = 1
    }
  }
  return letters
}

const replay = async (stream: DeadLetterStream, sequences: number[], values: Values) => {
  const letters = await selected(stream, sequences, values)
  let count = 0
  for (const letter of letters) {
    const { outcome, reason } = await stream.replay(letter, { evenIfSent: values['even-if-sent'] ?? false })
    if (outcome === 'replayed') count += 1
    console.log(`${letter.sequence}  ${letter.type}  ${outcome}${reason ? `: ${reason}` : ''}`)
  }
  console.log(`${count} of ${letters.length} replayed`)
  if (count < letters.length) process.exitCode = 1
}

const drop = async (stream: DeadLetterStream, sequences: number[], { reason, by }: Values) => {
  if (sequences.length === 0 || !reason?.trim()) throw new UsageError('drop needs numbers, and --reason TEXT')
  const log = createLogger({ name: 'dead-letters', level: 'info' })
  for (const sequence of sequences) {
    const letter = await stream.find(sequence)
    if (!letter) {
      console.log(`${sequence}: there is no such dead letter`)
      process.exitCode = 1
      continue
    }
    await stream.drop(sequence)
    const { type, eventId, reason: letterReason } = letter
    const actor = by ?? `${userInfo().username}@${hostname()}`
    log.info(
      { event: 'dead_letter_dropped', actor, reason, sequence, type, eventId, letterReason },
      'dead letter dropped',
    )
  }
}

const commands = {
  list: (stream: DeadLetterStream, _: number[], values: Values) => list(stream, values),
  show,
  replay,
  drop,
} as const

const run = async () => {
  const { positionals, values } = readArguments()
  const [command = '', ...rest] = positionals
  if (values.help) return console.log(usage)
  if (!(command in commands)) throw new UsageError(usage)
  const sequences = readSequences(rest)
  readAge('older-than', values['older-than'])
  readAge('newer-than', values['newer-than'])
  const stream = await openDeadLetters(environment()).catch((error) => {
    process.exitCode = 1
    throw error
  })
  try {
    await commands[command as keyof typeof commands](stream, sequences, values)
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1
    throw error
  } finally {
    await stream.close()
  }
}

try {
  await run()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode ??= 2
}
